//! Runs side by side: the same pictures, the same seeds, other recipes.

use std::fs;
use std::path::PathBuf;

use clap::Args;
use headstart::recipe::Recipe;
use headstart::recipe::curve::Point;

use super::Outcome;
use super::train::{Given, follow, hold, recipe};

#[derive(Args)]
pub struct Compare {
    /// Files of `recipes/`, the one to beat first.
    #[arg(required = true, num_args = 2..)]
    recipes: Vec<PathBuf>,
    /// The folder with the pictures.
    #[arg(long)]
    data: PathBuf,
    /// The folder where weights, curves and checkpoints go. What was finished there is not trained again, and what was
    /// stopped goes on.
    #[arg(long)]
    out: PathBuf,
    /// Weights to start from instead of fresh ones.
    #[arg(long)]
    from: Option<PathBuf>,
    /// Weights that `headstart train` wrote of the network that is asked by those recipes that have a teacher, or its answers.
    #[arg(long)]
    teacher: Option<PathBuf>,
    /// How many seeds, from each recipe's own on.
    #[arg(long, default_value_t = 1)]
    seeds: u64,
}

/// One recipe and what each seed measured.
struct Runs {
    name: String,
    title: String,
    curves: Vec<Vec<Point>>,
}

pub fn compare(options: &Compare) -> Outcome<()> {
    fs::create_dir_all(&options.out).map_err(|error| {
        format!("{} cannot be made ({error}); name another folder", options.out.display())
    })?;
    let mut all = Vec::new();
    for path in &options.recipes {
        let name = path.file_stem().unwrap_or_default().to_string_lossy().into_owned();
        let recipe = recipe(path)?;
        let title = recipe.title.clone();
        all.push((recipe, Runs { name, title, curves: Vec::new() }));
    }
    // Seed by seed, so that a comparison that was stopped has compared something.
    for number in 0..options.seeds {
        for (recipe, runs) in &mut all {
            let seeded = Recipe { seed: recipe.seed + number, ..recipe.clone() };
            let out = options.out.join(format!("{}-{}.safetensors", runs.name, seeded.seed));
            let teacher = options.teacher.as_deref().filter(|_| seeded.teacher.is_some());
            let given = Given { from: options.from.as_deref(), teacher };
            println!("seed {}", seeded.seed);
            // What has ended is there already, what was stopped goes on.
            runs.curves.push(follow(&seeded, &options.data, &given, &out, true, usize::MAX)?);
        }
    }
    let expected: Vec<Option<f64>> = all.iter().map(|(recipe, _)| recipe.expected_accuracy).collect();
    let all: Vec<Runs> = all.into_iter().map(|(_, runs)| runs).collect();
    print!("{}", report(&all));
    for (runs, expected) in all.iter().zip(expected) {
        let reached = accuracies(runs);
        hold(&runs.title, expected, (!reached.is_empty()).then(|| mean(reached.iter().copied())))?;
    }
    Ok(())
}

/// Training loss by epoch, test accuracy by seed, and in how many seeds each run beats the first one.
fn report(all: &[Runs]) -> String {
    let width = all.iter().map(|runs| runs.title.chars().count()).max().unwrap_or(0);
    let mut text = String::from("\ntraining loss, epoch by epoch, mean of the seeds\n");
    for runs in all {
        let epochs = runs.curves.iter().map(Vec::len).min().unwrap_or(0);
        let losses = (0..epochs).map(|epoch| mean(runs.curves.iter().map(|curve| curve[epoch].loss)));
        let losses: Vec<String> = losses.map(|loss| format!("{loss:8.4}")).collect();
        text += &format!("{:<width$} {}\n", runs.title, losses.concat());
    }
    let tested: Vec<Vec<f64>> = all.iter().map(accuracies).collect();
    if tested.iter().any(Vec::is_empty) {
        return text;
    }
    text += "\ntest accuracy in %, seed by seed, and their mean\n";
    for (runs, accuracies) in all.iter().zip(&tested) {
        let each: Vec<String> =
            accuracies.iter().map(|accuracy| format!("{:8.2}", 100.0 * accuracy)).collect();
        let mean = 100.0 * mean(accuracies.iter().copied());
        text += &format!("{:<width$} {} {mean:9.2}\n", runs.title, each.concat());
    }
    for (runs, accuracies) in all.iter().zip(&tested).skip(1) {
        let wins = accuracies.iter().zip(&tested[0]).filter(|(found, first)| found > first).count();
        text += &format!("{} beats {} in {wins} of {} seeds\n", runs.title, all[0].title, accuracies.len());
    }
    text
}

/// The share of test pictures that each seed's last epoch told right.
fn accuracies(runs: &Runs) -> Vec<f64> {
    runs.curves.iter().filter_map(|curve| curve.last()?.test_accuracy).collect()
}

fn mean(values: impl Iterator<Item = f64>) -> f64 {
    let (sum, count) = values.fold((0.0, 0), |(sum, count), value| (sum + value, count + 1));
    sum / f64::from(count.max(1))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn runs(title: &str, reached: &[f64]) -> Runs {
        let point = |accuracy| Point {
            epoch: 1,
            learning_rate: 0.1,
            loss: 1.0 - accuracy,
            accuracy,
            test_loss: Some(0.5),
            test_accuracy: Some(accuracy),
        };
        let curves = reached.iter().map(|&accuracy| vec![point(accuracy)]).collect();
        Runs { name: title.to_string(), title: title.to_string(), curves }
    }

    #[test]
    fn a_run_beats_the_first_one_seed_by_seed_and_a_draw_is_none() {
        let text = report(&[runs("frozen", &[0.9, 0.5, 0.7]), runs("tuned", &[0.95, 0.5, 0.8])]);
        assert!(text.contains("tuned beats frozen in 2 of 3 seeds"), "{text}");
        assert!(text.contains("tuned     95.00   50.00   80.00"), "{text}");
    }
}
