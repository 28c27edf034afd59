//! Other people's names for the same tensors, and the names that a network here has for them: torchvision's.
//!
//! A file is named in one way throughout, so the way is chosen for the file as a whole: the one under which most of a
//! graph's parameters are found in their shape.

use std::collections::{BTreeMap, BTreeSet};

use super::{Checkpoint, Stored};
use crate::graph::Graph;

/// What wraps a network while it is trained or exported, and then stands before every name.
const WRAPPERS: [&str; 6] = ["module.", "model.", "state_dict.", "_orig_mod.", "network.", "net."];

/// A way of naming: our name for one of the file's names, if it is one of that way.
type Naming = fn(&str, &BTreeSet<&str>) -> Option<String>;

const NAMINGS: [Naming; 5] = [torchvision, timm_vgg, timm_efficientnet, efficientnet_lite_pytorch, caffe];

/// The checkpoint with the names and dimensions that `graph` has for its tensors; those of no parameter keep their own.
pub(super) fn renamed(checkpoint: &Checkpoint, graph: &Graph) -> Checkpoint {
    let mut expected = BTreeMap::new();
    for param in &graph.params {
        expected.insert(param.name.as_str(), param.dims.as_slice());
    }
    let found = unwrapped(&checkpoint.tensors);
    let names: BTreeSet<&str> = found.iter().map(|(name, _)| *name).collect();
    let ours = |naming: Naming, name: &str| naming(name, &names).unwrap_or_else(|| name.to_string());
    let fitting = |naming: &&Naming| {
        let fits = |(name, stored): &&(&str, &Stored)| {
            let ours = ours(**naming, name);
            let dims = expected.get(ours.as_str());
            dims.map_or_else(|| graph.unread.contains(&ours), |dims| same_values(&stored.dims, dims))
        };
        found.iter().filter(fits).count()
    };
    // The first of equals, which is torchvision's.
    let naming = NAMINGS.iter().rev().max_by_key(fitting).expect("there are ways of naming");
    let mut tensors = BTreeMap::new();
    for (name, stored) in found {
        let mut stored = stored.clone();
        let ours = ours(*naming, name);
        if let Some(dims) = expected.get(ours.as_str()).filter(|dims| same_values(&stored.dims, dims)) {
            stored.dims = dims.to_vec();
        }
        tensors.insert(ours, stored);
    }
    Checkpoint { tensors }
}

/// The tensors by their names without what stands before all of them.
fn unwrapped(tensors: &BTreeMap<String, Stored>) -> Vec<(&str, &Stored)> {
    let mut found: Vec<_> = tensors.iter().map(|(name, stored)| (name.as_str(), stored)).collect();
    let shared = |found: &[(&str, &Stored)]| {
        let is_shared = |wrapper: &&str| found.iter().all(|(name, _)| name.starts_with(*wrapper));
        WRAPPERS.into_iter().find(|wrapper| !found.is_empty() && is_shared(wrapper))
    };
    while let Some(wrapper) = shared(&found) {
        found.iter_mut().for_each(|(name, _)| *name = &name[wrapper.len()..]);
    }
    found
}

/// Whether values of dimensions `found` are those of `expected`, in the same order. A fully connected layer may be kept
/// as the convolution it is when its input is still a picture.
fn same_values(found: &[usize], expected: &[usize]) -> bool {
    let rows_of_pictures = found.len() == 4
        && expected.len() == 2
        && found[0] == expected[0]
        && found[1..].iter().try_fold(1usize, |product, &dim| product.checked_mul(dim)) == Some(expected[1]);
    found == expected || rows_of_pictures
}

fn torchvision(name: &str, _: &BTreeSet<&str>) -> Option<String> {
    Some(name.to_string())
}

/// timm's VGG, whose fully connected layers are convolutions: `features.0`, `pre_logits.fc1`, `pre_logits.fc2`, `head.fc`.
fn timm_vgg(name: &str, _: &BTreeSet<&str>) -> Option<String> {
    with_start(
        name,
        &[
            ("pre_logits.fc1.", "classifier.0."),
            ("pre_logits.fc2.", "classifier.3."),
            ("head.fc.", "classifier.6."),
        ],
    )
}

/// timm's EfficientNet: `conv_stem`, `bn1`, blocks by stage (`blocks.2.0.conv_pw`), `conv_head`, `bn2`, `classifier`.
fn timm_efficientnet(name: &str, names: &BTreeSet<&str>) -> Option<String> {
    let outside = [
        ("conv_stem.", "stem.conv."),
        ("bn1.", "stem.bn."),
        ("conv_head.", "head.conv."),
        ("bn2.", "head.bn."),
    ];
    let Some((block, layer)) = stage_and_block(name) else { return with_start(name, &outside) };
    // The names of one block stand together.
    let blocks = names.iter().filter_map(|name| stage_and_block(name)).map(|(block, _)| block);
    let mut before: Vec<(usize, usize)> = blocks.filter(|other| *other < block).collect();
    before.dedup();
    let index = before.len();
    // A block that does not expand has its projection under another name.
    let expands = names.contains(format!("blocks.{}.{}.conv_pwl.weight", block.0, block.1).as_str());
    let layer = if expands {
        let layers = [
            ("conv_pw.", "expand.conv."),
            ("bn1.", "expand.bn."),
            ("conv_dw.", "dw.conv."),
            ("bn2.", "dw.bn."),
            ("conv_pwl.", "project.conv."),
            ("bn3.", "project.bn."),
        ];
        with_start(layer, &layers)
    } else {
        let layers = [
            ("conv_dw.", "dw.conv."),
            ("bn1.", "dw.bn."),
            ("conv_pw.", "project.conv."),
            ("bn2.", "project.bn."),
        ];
        with_start(layer, &layers)
    };
    layer.map(|layer| format!("blocks.{index}.{layer}"))
}

/// `blocks.2.0.conv_pw.weight` as ((2, 0), `conv_pw.weight`).
fn stage_and_block(name: &str) -> Option<((usize, usize), &str)> {
    let mut parts = name.strip_prefix("blocks.")?.splitn(3, '.');
    let (stage, block) = (parts.next()?.parse().ok()?, parts.next()?.parse().ok()?);
    Some(((stage, block), parts.next()?))
}

/// The names of the PyTorch conversion of TensorFlow's release: `_conv_stem`, `_blocks.1._expand_conv`, `_fc`.
fn efficientnet_lite_pytorch(name: &str, _: &BTreeSet<&str>) -> Option<String> {
    let Some(rest) = name.strip_prefix("_blocks.") else {
        let outside = [
            ("_conv_stem.", "stem.conv."),
            ("_bn0.", "stem.bn."),
            ("_conv_head.", "head.conv."),
            ("_bn1.", "head.bn."),
            ("_fc.", "classifier."),
        ];
        return with_start(name, &outside);
    };
    let (index, layer) = rest.split_once('.')?;
    let layers = [
        ("_expand_conv.", "expand.conv."),
        ("_bn0.", "expand.bn."),
        ("_depthwise_conv.", "dw.conv."),
        ("_bn1.", "dw.bn."),
        ("_project_conv.", "project.conv."),
        ("_bn2.", "project.bn."),
    ];
    Some(format!("blocks.{index}.{}", with_start(layer, &layers)?))
}

/// Caffe's layers as the ONNX zoo has them: `conv1_w_0`, `fc6_b_0`, and of GoogLeNet `inception_3a/5x5_reduce_w_0`.
fn caffe(name: &str, _: &BTreeSet<&str>) -> Option<String> {
    let (layer, suffix) = match (name.strip_suffix("_w_0"), name.strip_suffix("_b_0")) {
        (Some(layer), _) => (layer, "weight"),
        (_, Some(layer)) => (layer, "bias"),
        _ => return None,
    };
    let Some((module, layer)) = layer.split_once('/') else { return Some(format!("{layer}.{suffix}")) };
    let ours = match (module.strip_prefix("inception_"), layer) {
        (Some(module), layer) => {
            let branch = match layer {
                "1x1" => "branch1",
                "3x3_reduce" => "branch2.0",
                "3x3" => "branch2.1",
                "5x5_reduce" => "branch3.0",
                "5x5" => "branch3.1",
                "pool_proj" => "branch4.1",
                _ => return None,
            };
            format!("inception{module}.{branch}.conv")
        }
        (None, "7x7_s2") => "conv1.conv".into(),
        (None, "3x3_reduce") => "conv2.conv".into(),
        (None, "3x3") => "conv3.conv".into(),
        (None, "classifier") => "fc".into(),
        _ => return None,
    };
    Some(format!("{ours}.{suffix}"))
}

/// `name` with the first of these starts that it has replaced.
fn with_start(name: &str, starts: &[(&str, &str)]) -> Option<String> {
    starts.iter().find_map(|(theirs, ours)| Some(format!("{ours}{}", name.strip_prefix(theirs)?)))
}
