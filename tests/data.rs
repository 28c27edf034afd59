//! Finding datasets on disk: every form that is read, and what is said of a folder that holds none.

use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};

use flate2::Compression;
use flate2::write::GzEncoder;
use headstart::data::{DataError, Dataset, Part, open};

/// A folder of this test's own, empty.
fn folder(name: &str) -> PathBuf {
    let path = Path::new(env!("CARGO_TARGET_TMPDIR")).join("data").join(name);
    if path.exists() {
        fs::remove_dir_all(&path).expect("the folder of an earlier run can be removed");
    }
    fs::create_dir_all(&path).expect("a folder can be made");
    path
}

fn write(path: &Path, bytes: &[u8]) {
    fs::create_dir_all(path.parent().expect("a file has a folder")).expect("a folder can be made");
    fs::write(path, bytes).expect("a file can be written");
}

fn packed(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    encoder.write_all(bytes).expect("memory can be written");
    encoder.finish().expect("memory can be written")
}

fn found(root: &Path, part: Part) -> Box<dyn Dataset> {
    open(root, part).expect("a sound dataset").expect("that part")
}

#[test]
fn mnist_is_read_packed_or_not() {
    let root = folder("mnist");
    let pictures = [&[0, 0, 8, 3, 0, 0, 0, 2, 0, 0, 0, 1, 0, 0, 0, 2][..], &[1, 2, 3, 4]].concat();
    let labels = [0, 0, 8, 1, 0, 0, 0, 2, 5, 6];
    write(&root.join("train-images-idx3-ubyte.gz"), &packed(&pictures));
    write(&root.join("train-labels-idx1-ubyte"), &labels);
    let training = found(&root, Part::Training);
    assert_eq!((training.len(), training.label(1)), (2, 6));
    assert_eq!(training.picture(1).expect("in memory").pixels, [3, 4]);
    assert!(open(&root, Part::Test).expect("a known form").is_none(), "there are no test pictures");

    let half = &packed(&pictures)[..20];
    write(&root.join("train-images-idx3-ubyte.gz"), half);
    let error = open(&root, Part::Training).err().expect("a packed file cut short").to_string();
    assert!(error.contains("is damaged") && error.contains("download it again"), "{error}");
    fs::remove_file(root.join("train-labels-idx1-ubyte")).expect("the file is there");
    assert!(matches!(open(&root, Part::Training), Err(DataError::Missing { .. })));
}

#[test]
fn the_binary_batches_of_cifar10_stay_on_disk() {
    let root = folder("cifar");
    let record = |label: u8| [vec![label], vec![7; 3072]].concat();
    let inside = root.join("cifar-10-batches-bin");
    write(&inside.join("data_batch_1.bin"), &[record(1), record(2)].concat());
    write(&inside.join("data_batch_2.bin"), &record(3));
    write(&inside.join("test_batch.bin"), &record(4));
    let (training, test) = (found(&root, Part::Training), found(&root, Part::Test));
    assert_eq!([0, 1, 2].map(|index| training.label(index)), [1, 2, 3]);
    assert_eq!((test.len(), test.classes()[4].as_str()), (1, "deer"));
    write(&inside.join("data_batch_2.bin"), b"gone");
    let error = training.picture(2).unwrap_err().to_string();
    assert!(error.contains("data_batch_2.bin cannot be read"), "{error}");
}

#[test]
fn folders_of_pictures_are_classes_in_alphabetical_order() {
    let root = folder("photos");
    for (half, class, name, value) in [
        ("train", "dog", "b.png", 10u8),
        ("train", "cat", "a.PNG", 200),
        ("train", "cat", "notes.txt", 0),
        ("val", "cat", "c.png", 90),
        ("val", "dog", "d.png", 60),
    ] {
        let path = root.join(half).join(class).join(name);
        let mut bytes = Vec::new();
        let picture = image::RgbImage::from_pixel(3, 2, image::Rgb([value; 3]));
        let form = image::ImageFormat::Png;
        picture.write_to(&mut std::io::Cursor::new(&mut bytes), form).expect("memory can be written");
        write(&path, &bytes);
    }
    let (training, test) = (found(&root, Part::Training), found(&root, Part::Test));
    assert_eq!(training.classes(), ["cat", "dog"]);
    let first = training.picture(0).expect("a sound picture");
    assert_eq!((training.len(), first.pixels[0], first.width, first.height), (2, 200, 3, 2));
    assert_eq!((test.len(), test.label(1)), (2, 1));

    let flat = open(&root.join("train"), Part::Training).expect("classes alone").expect("all of them");
    assert_eq!(flat.len(), 2);
    assert!(open(&root.join("train"), Part::Test).expect("classes alone").is_none());
    write(&root.join("train/cat/a.PNG"), b"not a picture");
    let error = training.picture(0).unwrap_err().to_string();
    assert!(error.contains("a.PNG is not a picture that can be read"), "{error}");
}

#[test]
fn a_folder_without_a_dataset_says_what_would_be_one() {
    let root = folder("nothing");
    let error = |path: &Path| open(path, Part::Training).err().expect("nothing here").to_string();
    assert!(error(&root).contains("expected MNIST's idx files"), "{}", error(&root));
    fs::create_dir(root.join("empty")).expect("a folder can be made");
    assert!(error(&root).contains("has 0 classes"), "{}", error(&root));
    let missing = error(&root.join("missing"));
    assert!(missing.contains("missing cannot be read") && missing.contains("check its name"), "{missing}");
}
