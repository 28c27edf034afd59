//! What a run would cost, before anything is allocated: from the plan of its training step, which is pure data.

use serde::Serialize;

use super::settings::Settings;
use super::{Tunable, TuneError, VARIANTS};
use crate::graph::NodeId;
use crate::network::Network;
use crate::plan::{Plan, Rule};
use crate::train::TrainingPlan;

/// What a device has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Room {
    /// Bytes altogether.
    pub memory: u64,
    /// Bytes of one buffer, where that is limited.
    pub buffer: Option<u64>,
    /// Pictures that are kept beside what trains; 0 where nobody knows.
    pub pictures: usize,
}

/// Crosses to JavaScript in camel case.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Cost {
    /// Values that training changes, and values of the whole network.
    pub trained: u64,
    pub parameters: u64,
    /// Of everything that is held while training, but for the pictures.
    pub bytes: u64,
    /// Of what is kept of each picture.
    pub picture_bytes: u64,
    /// Bytes where everything is kept for the way back, and where what is cheap is computed again; the settings choose
    /// between the two.
    pub kept_bytes: u64,
    pub recomputed_bytes: u64,
    pub fits: bool,
    /// Where it does not fit: why, and what would.
    pub sentence: Option<String>,
    /// Where it does not fit: what would from this cut, and from where on a batch of this size would.
    pub largest_batch: Option<usize>,
    pub deepest_cut: Option<String>,
}

struct Need {
    trained: u64,
    bytes: u64,
    /// Of all pictures that are kept.
    pictures: u64,
    /// The largest buffer.
    largest: u64,
}

/// Fails if the network cannot be cut there.
pub fn cost(network: &Network, settings: &Settings, room: Room) -> Result<Cost, TuneError> {
    // A batch is no larger than all that there is.
    let most = if room.pictures > 0 { room.pictures } else { usize::MAX };
    let batch = settings.training.batch_size.clamp(1, most);
    let here = Tunable::new(network, settings);
    let [kept, recomputed] =
        [false, true].map(|recompute| need(&here, &Settings { recompute, ..settings.clone() }, batch, room));
    let (kept, recomputed) = (kept?, recomputed?);
    let [kept_bytes, recomputed_bytes] = [kept.bytes, recomputed.bytes];
    // The way out that changes nothing of what is learned.
    let saves = (!settings.recompute && room.holds(&recomputed)).then_some(recomputed_bytes);
    let need = if settings.recompute { recomputed } else { kept };
    let picture_bytes = 4 * here.at_cut()? as u64;
    let parameters = here.network.for_classes(1, here.classes)?.0.params;
    let parameters = parameters.iter().map(|param| param.dims.iter().product::<usize>() as u64).sum();
    let fits = room.holds(&need);
    let mut cost = Cost {
        trained: need.trained,
        parameters,
        bytes: need.bytes,
        picture_bytes,
        kept_bytes,
        recomputed_bytes,
        fits,
        sentence: None,
        largest_batch: None,
        deepest_cut: None,
    };
    if !fits {
        cost.largest_batch = largest_batch(&here, settings, batch, room)?;
        cost.deepest_cut = deepest_cut(&here, settings, batch, room)?;
        cost.sentence = Some(cost.refusal(settings, &need, saves, room));
    }
    Ok(cost)
}

impl Room {
    fn holds(&self, need: &Need) -> bool {
        need.bytes + need.pictures <= self.memory && self.buffer.is_none_or(|most| need.largest <= most)
    }
}

impl Cost {
    /// `saves` are the bytes that would do if what is cheap were computed again.
    fn refusal(&self, settings: &Settings, need: &Need, saves: Option<u64>, room: Room) -> String {
        let megabytes = |bytes: u64| format!("{} MB", bytes.div_ceil(1_000_000));
        let batch = settings.training.batch_size;
        let why = match room.buffer {
            Some(most) if need.largest > most => {
                format!("a buffer of {}, and this device allows {}", megabytes(need.largest), megabytes(most))
            }
            _ if need.pictures > 0 => format!(
                "{}, and {} for the pictures, and {} are there",
                megabytes(need.bytes),
                megabytes(need.pictures),
                megabytes(room.memory)
            ),
            _ => format!("{}, and {} are there", megabytes(need.bytes), megabytes(room.memory)),
        };
        let again = saves.map_or_else(String::new, |bytes| {
            format!("save memory by computing again what is cheap, which needs {}, ", megabytes(bytes))
        });
        let smaller = match self.largest_batch {
            Some(batch) => format!("choose batches of {batch} or less"),
            None => "no batch is small enough for this cut".into(),
        };
        let later = match self.deepest_cut.as_deref() {
            Some("features") => "train the head alone".into(),
            Some(cut) => format!("train only what comes after {cut}"),
            None => "choose a smaller network".into(),
        };
        format!(
            "training from {} in batches of {batch} needs {why}; {again}{smaller}, or {later}",
            settings.cut
        )
    }
}

fn need(network: &Tunable, settings: &Settings, batch: usize, room: Room) -> Result<Need, TuneError> {
    let (frozen, _) = network.parts(1)?;
    let (_, trained) = network.parts(batch)?;
    let options = settings.options(&network.head()?);
    let logits = trained.taps.logits;
    let plan = TrainingPlan::new(&trained, &options, false)?.plan;
    let length = |param: usize| plan.graph.params[param].dims.iter().product::<usize>();
    let learns = |rule: &Rule| matches!(rule, Rule::Sgd { .. } | Rule::Adam { .. });
    let updates = plan.updates.iter().filter(|update| learns(&update.rule));
    // The last good epoch is kept, and kept once more and written as bytes when it becomes a checkpoint.
    let snapshot: u64 =
        plan.updates.iter().map(|update| (length(update.param.0) * (1 + update.rule.states())) as u64).sum();
    let each = if settings.augmentation.is_empty() { 1 } else { 1 + VARIANTS };
    // What checks an epoch is there beside what trains, and so is the frozen part, for one picture.
    let checked = logits.map_or(0, |logits| Plan::new(&trained, &[logits]).bytes());
    let frozen = frozen.map_or(0, |graph| Plan::new(&graph, &[NodeId(graph.nodes.len() - 1)]).bytes());
    let values = plan.slots.iter().copied().chain((0..plan.graph.params.len()).map(length));
    Ok(Need {
        trained: updates.map(|update| length(update.param.0) as u64).sum(),
        bytes: (plan.bytes() + checked + frozen) as u64 + 3 * 4 * snapshot,
        // More than a usize of the page can count.
        pictures: (room.pictures * each) as u64 * 4 * network.at_cut()? as u64,
        largest: 4 * values.max().unwrap_or(0) as u64,
    })
}

/// By halving the interval: a smaller batch never needs more.
fn largest_batch(
    network: &Tunable,
    settings: &Settings,
    batch: usize,
    room: Room,
) -> Result<Option<usize>, TuneError> {
    let (mut fits, mut fails) = (0, batch);
    while fails - fits > 1 {
        let middle = fits + (fails - fits) / 2;
        match room.holds(&need(network, settings, middle, room)?) {
            true => fits = middle,
            false => fails = middle,
        }
    }
    Ok((fits > 0).then_some(fits))
}

fn deepest_cut(
    network: &Tunable,
    settings: &Settings,
    batch: usize,
    room: Room,
) -> Result<Option<String>, TuneError> {
    let (graph, _) = network.network.for_classes(1, network.classes)?;
    let before = graph.taps.stages.iter().filter(|stage| Some(stage.node) != graph.taps.features);
    let stages = before.map(|stage| stage.name.as_str());
    for cut in ["image"].into_iter().chain(stages).chain(["features"]) {
        let there = Tunable { cut: cut.into(), ..network.clone() };
        let settings = Settings { cut: cut.into(), ..settings.clone() };
        if room.holds(&need(&there, &settings, batch, room)?) {
            return Ok(Some(cut.into()));
        }
    }
    Ok(None)
}
