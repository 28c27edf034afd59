//! Networks that the page brings along keep the accuracy that their recipes promise, on the first pictures of the official
//! test set. Their data may not be published, so the test says that it is skipped where the data folder is absent.

mod common;

use std::path::Path;
use std::sync::Arc;

use common::data;
use headstart::data::{Batches, Dataset, Part, Subset, open};
use headstart::recipe::{Note, Recipe, View, evaluate};
use headstart::weights::Checkpoint;

const PICTURES: usize = 1000;

/// Three standard deviations of a share of nine tenths among [`PICTURES`].
const CHANCE: f64 = 0.03;

#[test]
fn bundled_networks_keep_what_their_recipes_promise() {
    let project = Path::new(env!("CARGO_MANIFEST_DIR"));
    for (recipe, dataset) in [
        ("lenet5-mnist", "mnist"),
        ("vgg-cifar10", "cifar10"),
        ("alexnet-cifar10", "cifar10"),
        ("googlenet-cifar10", "cifar10"),
        ("resnet20-cifar10", "cifar10"),
    ] {
        let Some(folder) = data::optional(dataset) else { continue };
        let text = std::fs::read_to_string(project.join(format!("recipes/{recipe}.toml")));
        let recipe = Recipe::parse(&text.expect("a recipe")).expect("a recipe that can be followed");
        let promised = recipe.expected_accuracy.expect("a bundled network's recipe promises an accuracy");
        let spec = recipe.spec().expect("a network of the catalogue");
        let file = spec.weights.expect("a bundled network").file;
        let bytes = std::fs::read(project.join("www").join(file)).expect("weights lie in www");
        let fit = Note::of(&bytes).expect("a note of the run").fit;
        let whole: Arc<dyn Dataset> =
            open(&folder, Part::Test).expect("a dataset").expect("a test part").into();
        let test = Subset::new(whole, (0..PICTURES).collect());
        let batches = Batches { data: &test, input: spec.input, fit, augmentation: &[], seed: 0 };
        let checkpoint = Checkpoint::read(bytes).expect("safetensors");
        let measured = evaluate(spec, checkpoint, &batches, &[View::Plain], &mut |_| {})
            .expect("weights of this network");
        let found = measured.accuracy();
        println!("{}: {found:.3} of the first {PICTURES}, {promised} promised of all", spec.id);
        assert!((found - promised).abs() <= CHANCE, "{}: {found}, promised {promised}", spec.id);
    }
}
