//! `cargo xtask recipes`: every run of `recipes/` again, for as many hours as it takes, held against what it once reached.

use crate::command::{command, run};
use crate::project;
use anyhow::{Result, bail};
use clap::Args;
use std::ffi::{OsStr, OsString};
use std::path::{Path, PathBuf};

#[derive(Args)]
pub struct Recipes {
    /// The folder of the datasets: `mnist`, `cifar10` and `transfer/hand-signs` lie in it.
    #[arg(long)]
    data: PathBuf,
    /// Where weights, curves and checkpoints go; a run that was stopped goes on from there.
    #[arg(long, default_value = "target/recipes")]
    out: PathBuf,
    /// Names of recipes, or beginnings of names; all of them if none is given.
    names: Vec<String>,
}

/// The weights that a run begins with.
enum Start {
    Fresh,
    ImageNet,
    /// Those that an earlier run of this list ended with.
    After(&'static str),
}

/// The recipes that are trained for the accuracy they promise, their datasets, and the answers that teach them.
const SINGLE: [(&str, &str, Start, Option<&str>); 8] = [
    ("lenet5-mnist", "mnist", Start::Fresh, None),
    ("resnet20-cifar10-alone", "cifar10", Start::Fresh, None),
    ("resnet20-cifar10-first", "cifar10", Start::Fresh, Some(ANSWERS)),
    ("resnet20-cifar10", "cifar10", Start::After("resnet20-cifar10-first"), Some(ANSWERS)),
    ("alexnet-cifar10", "cifar10", Start::Fresh, None),
    ("vgg-cifar10", "cifar10", Start::Fresh, None),
    ("googlenet-cifar10", "cifar10", Start::Fresh, None),
    ("efficientnet-cifar10", "cifar10", Start::ImageNet, None),
];

/// The recipes of which one is to be seen beside the other: names, the one to beat first, dataset and seeds.
const COMPARED: [(&[&str], &str, u64); 2] = [
    (&["hand-signs-head", "hand-signs-tuned"], "transfer/hand-signs", 5),
    (
        &["degradation-plain20", "degradation-plain56", "degradation-resnet20", "degradation-resnet56"],
        "cifar10",
        1,
    ),
];

const PRETRAINED: &str = "www/models/efficientnet_lite0.f16.safetensors";
const ANSWERS: &str = "recipes/efficientnet-cifar10.answers.safetensors";

pub fn recipes(options: &Recipes) -> Result<()> {
    let wanted = |name: &str| {
        options.names.is_empty() || options.names.iter().any(|wanted| name.starts_with(wanted.as_str()))
    };
    let out = project().join(&options.out);
    std::fs::create_dir_all(&out)?;
    let mut done = 0;
    let weights_of = |name: &str| out.join(name).with_extension("safetensors");
    for (name, data, start, answers) in SINGLE.into_iter().filter(|(name, ..)| wanted(name)) {
        let mut more = vec![OsString::from("--resume")];
        match start {
            Start::Fresh => {}
            Start::ImageNet => more.extend(["--from".into(), PRETRAINED.into()]),
            Start::After(earlier) => more.extend(["--from".into(), weights_of(earlier).into()]),
        }
        if let Some(answers) = answers {
            more.extend(["--teacher".into(), answers.into()]);
        }
        headstart("train", &[name], &options.data.join(data), &weights_of(name), &more)?;
        done += 1;
    }
    for (names, data, seeds) in
        COMPARED.into_iter().filter(|(names, ..)| names.iter().any(|name| wanted(name)))
    {
        let seeds = seeds.to_string();
        let mut more = vec!["--seeds", &seeds];
        if names[0].starts_with("hand-signs") {
            more.extend(["--from", PRETRAINED]);
        }
        headstart("compare", names, &options.data.join(data), &out, &more)?;
        done += 1;
    }
    if done == 0 {
        bail!("no recipe's name begins with {}; see recipes/", options.names.join(" or "));
    }
    Ok(())
}

fn headstart(task: &str, names: &[&str], data: &Path, out: &Path, more: &[impl AsRef<OsStr>]) -> Result<()> {
    println!("\n— {task} {}", names.join(", "));
    let mut program = command("cargo");
    program.args(["run", "--quiet", "--release", "--bin", "headstart", "--", task]);
    program.args(names.iter().map(|name| format!("recipes/{name}.toml")));
    // A path of the caller's, and the program runs in the project's folder.
    run(program.arg("--data").arg(std::path::absolute(data)?).arg("--out").arg(out).args(more))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_recipe_is_run_once() {
        let mut found: Vec<String> = std::fs::read_dir(project().join("recipes"))
            .expect("the folder of recipes")
            .map(|entry| entry.expect("an entry").path())
            .filter(|path| path.extension().is_some_and(|ending| ending == "toml"))
            .map(|path| path.file_stem().expect("a name").to_string_lossy().into_owned())
            .collect();
        let mut run: Vec<&str> = SINGLE.iter().map(|(name, ..)| *name).collect();
        run.extend(COMPARED.iter().flat_map(|(names, ..)| names.iter()));
        found.sort_unstable();
        run.sort_unstable();
        assert_eq!(found, run);
    }
}
