//! What is learned from and what is checked with: a split of each class by recording.
//!
//! Frames of one recording are nearly copies of each other. If some were learned from and others checked with, every
//! head would look perfect; so a recording goes to one side whole. Knows only which recording each example is from.

use crate::random::Random;

/// Classes with fewer examples keep all of them for learning.
const FEWEST_TO_SHARE: usize = 4;

#[derive(Clone, Debug, PartialEq)]
pub struct Split {
    /// For each class, for each of its examples in order: is it kept for validation?
    pub held_out: Vec<Vec<bool>>,
    /// What a learner should know about it, in plain words.
    pub note: Option<String>,
}

/// How a class was divided.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Division {
    ByRecording,
    /// By recording, but the recordings are so long that far more is held out than was asked for.
    Coarse,
    /// There is one recording, so its last frames are held out.
    InsideRecording,
    /// Too few examples: none is held out.
    Nothing,
}

/// `bursts` holds, for each class, the recording of each of its examples, oldest first. About `share` of every class is
/// held out, never all of it.
pub fn split(bursts: &[Vec<&str>], share: f64, seed: u64) -> Split {
    let mut random = Random::new(seed, 0);
    let (held_out, divisions): (Vec<_>, Vec<_>) =
        bursts.iter().map(|class| divide(class, share, &mut random)).unzip();
    let note = if share > 0.0 { note(&divisions) } else { None };
    Split { held_out, note }
}

fn divide(bursts: &[&str], share: f64, random: &mut Random) -> (Vec<bool>, Division) {
    let examples = bursts.len();
    if examples < FEWEST_TO_SHARE || share <= 0.0 {
        return (vec![false; examples], Division::Nothing);
    }
    let target = ((examples as f64 * share).round() as usize).clamp(1, examples - 1);

    let mut recordings: Vec<&str> = Vec::new();
    for burst in bursts {
        if !recordings.contains(burst) {
            recordings.push(burst);
        }
    }
    if recordings.len() == 1 {
        return ((0..examples).map(|i| i >= examples - target).collect(), Division::InsideRecording);
    }
    random.shuffle(&mut recordings);
    let sizes: Vec<usize> = recordings
        .iter()
        .map(|recording| bursts.iter().filter(|burst| *burst == recording).count())
        .collect();
    let chosen = closest_subset(&sizes, target);
    let total: usize = chosen.iter().map(|&i| sizes[i]).sum();
    let chosen: Vec<&str> = chosen.into_iter().map(|i| recordings[i]).collect();
    let division = if total > 2 * target { Division::Coarse } else { Division::ByRecording };
    (bursts.iter().map(|burst| chosen.contains(burst)).collect(), division)
}

/// Indices of some but not all of `sizes` whose sum is as close to `target` as possible, the smaller of two equally
/// close ones. Earlier sizes are preferred, so a shuffled list gives a random choice.
fn closest_subset(sizes: &[usize], target: usize) -> Vec<usize> {
    let all: usize = sizes.iter().sum();
    let smallest = sizes.iter().copied().min().unwrap_or(0);
    // A sum beyond twice the target is farther from it than nothing at all, so it only serves as a last resort.
    let limit = (2 * target).max(smallest).min(all - 1);
    // The size that completed each sum; its predecessors complete what is left.
    let mut last: Vec<Option<usize>> = vec![None; limit + 1];
    for (index, &size) in sizes.iter().enumerate() {
        for sum in (size..=limit).rev() {
            if last[sum].is_none() && (sum == size || last[sum - size].is_some()) {
                last[sum] = Some(index);
            }
        }
    }
    let reachable = (1..=limit).filter(|&sum| last[sum].is_some());
    let mut sum = reachable.min_by_key(|sum| sum.abs_diff(target)).unwrap_or(0);
    let mut chosen = Vec::new();
    while let Some(index) = last[sum] {
        chosen.push(index);
        sum -= sizes[index];
    }
    chosen
}

fn note(divisions: &[Division]) -> Option<String> {
    let classes = |division: Division| {
        let count = divisions.iter().filter(|&&found| found == division).count();
        let subject = match (count, divisions.len()) {
            (1, _) => "one class has".to_string(),
            (count, all) if count == all => "all classes have".to_string(),
            (count, _) => format!("{count} classes have"),
        };
        (count > 0).then_some(subject)
    };
    let sentences = [
        classes(Division::InsideRecording).map(|who| {
            format!(
                "{who} a single recording, whose last frames are kept for checking: record again, a little \
                 differently, for an honest accuracy."
            )
        }),
        classes(Division::Coarse).map(|who| {
            format!(
                "{who} so few recordings that more examples than asked for are kept for checking: more and shorter \
                 recordings leave more to learn from."
            )
        }),
        classes(Division::Nothing).map(|who| {
            format!("{who} fewer than {FEWEST_TO_SHARE} examples, all of which are learned from and none checked.")
        }),
    ];
    let sentences: Vec<String> = sentences.into_iter().flatten().map(|text| capitalised(&text)).collect();
    (!sentences.is_empty()).then(|| sentences.join(" "))
}

fn capitalised(text: &str) -> String {
    let mut characters = text.chars();
    characters.next().map(|first| first.to_uppercase().chain(characters).collect()).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn held(bursts: &str, share: f64) -> (String, Option<String>) {
        let class = bursts.split(' ').collect();
        let split = split(&[class], share, 7);
        (split.held_out[0].iter().map(|&held| if held { 'v' } else { '.' }).collect(), split.note)
    }

    #[test]
    fn recordings_stay_whole() {
        let (sides, note) = held("a a a a a a a a b b c c c c c c", 0.15);
        assert_eq!((sides.as_str(), note), ("........vv......", None));
    }

    #[test]
    fn a_single_recording_keeps_its_last_frames_and_says_so() {
        let (sides, note) = held("a a a a a a a a a a", 0.2);
        assert_eq!(sides, "........vv");
        assert!(note.unwrap().starts_with("One class has a single recording"));
    }

    #[test]
    fn two_long_recordings_give_one_of_them_and_say_so() {
        let (sides, note) = held("a a a a a a b b b b b b", 0.15);
        assert_eq!(sides.matches('v').count(), 6, "{sides}");
        assert!(note.unwrap().contains("more examples than asked for"));
    }

    #[test]
    fn a_handful_of_examples_is_all_learned_from() {
        let (sides, note) = held("a b c", 0.5);
        assert_eq!(sides, "...");
        assert!(note.unwrap().contains("fewer than 4 examples"));
        assert_eq!(held("a b c d", 0.0), ("....".into(), None));
    }

    #[test]
    fn single_pictures_give_exactly_the_share() {
        let names: Vec<String> = (0..40).map(|i| i.to_string()).collect();
        let class: Vec<&str> = names.iter().map(String::as_str).collect();
        let held = |seed| split(std::slice::from_ref(&class), 0.15, seed).held_out[0].clone();
        assert_eq!(held(1).iter().filter(|&&held| held).count(), 6);
        assert_eq!(held(1), held(1));
        assert_ne!(held(1), held(2));
    }

    #[test]
    fn the_closest_subset_is_found_among_unequal_sizes() {
        for (sizes, target, expected) in [
            (&[5, 9, 4, 30][..], 13, 13),
            (&[30, 30], 9, 30),
            (&[7, 3], 9, 7),
            (&[1, 1, 1], 3, 2),
            (&[50, 10], 30, 10),
        ] {
            let sum: usize = closest_subset(sizes, target).iter().map(|&i| sizes[i]).sum();
            assert_eq!(sum, expected, "{sizes:?} for {target}");
        }
    }
}
