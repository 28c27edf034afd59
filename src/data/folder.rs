//! Folders of pictures, one per class: `cats/1.jpg`, `dogs/7.png`. Only names are kept; a picture is decoded when it is
//! asked for.

use std::path::{Path, PathBuf};

use super::{DataError, Dataset, Picture, files};

pub struct Folder {
    classes: Vec<String>,
    files: Vec<(PathBuf, usize)>,
}

const ENDINGS: [&str; 3] = ["jpg", "jpeg", "png"];

impl Folder {
    /// Classes and pictures in alphabetical order. Fails unless at least two folders hold pictures.
    pub fn new(root: &Path) -> Result<Self, DataError> {
        let (mut classes, mut found) = (Vec::new(), Vec::new());
        for folder in files::entries(root)?.into_iter().filter(|path| path.is_dir()) {
            let pictures: Vec<PathBuf> = files::entries(&folder)?.into_iter().filter(is_picture).collect();
            if !pictures.is_empty() {
                found.extend(pictures.into_iter().map(|path| (path, classes.len())));
                classes.push(folder.file_name().unwrap_or_default().to_string_lossy().into_owned());
            }
        }
        if classes.len() < 2 {
            return Err(DataError::TooFewClasses { place: root.display().to_string(), found: classes.len() });
        }
        Ok(Self { classes, files: found })
    }
}

impl Dataset for Folder {
    fn classes(&self) -> &[String] {
        &self.classes
    }

    fn len(&self) -> usize {
        self.files.len()
    }

    fn label(&self, index: usize) -> usize {
        self.files[index].1
    }

    fn picture(&self, index: usize) -> Result<Picture, DataError> {
        let path = &self.files[index].0;
        files::decode(&path.display().to_string(), &files::read(path)?)
    }
}

fn is_picture(path: &PathBuf) -> bool {
    let ending = Path::new(path).extension().map(|ending| ending.to_string_lossy().to_lowercase());
    ending.is_some_and(|ending| ENDINGS.contains(&ending.as_str()))
}
