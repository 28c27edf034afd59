//! `cargo xtask bench`: the engine's own figures, natively and in Chromium. `bench/README.md` says how to read them.

use crate::command::{command, node_program, run};
use crate::{dist, site, tools, vendor};
use anyhow::Result;
use clap::{Args, ValueEnum};

#[derive(Args)]
pub struct Bench {
    /// Where to measure; both if not given.
    place: Option<Place>,
}

#[derive(Clone, Copy, PartialEq, ValueEnum)]
enum Place {
    /// The native program on this machine's processor and adapter.
    Native,
    /// The built page's engine in Chromium, on both backends.
    Browser,
    /// What VGG-16 and ResNet-50 cost a tab in memory and time; not part of "both".
    Memory,
}

pub fn bench(options: &Bench) -> Result<()> {
    let wants = |place| options.place.map_or(place != Place::Memory, |only| only == place);
    if wants(Place::Native) {
        run(command("cargo").args(["run", "--quiet", "--release", "--bin", "headstart", "--", "bench"]))?;
    }
    for (place, script) in [(Place::Browser, "bench/browser.mjs"), (Place::Memory, "bench/memory.mjs")] {
        if wants(place) {
            vendor::vendor()?;
            dist::publishable(&site::default_folder())?;
            let mut node = node_program("node");
            node.arg(script).env("HEADSTART_DIST", site::default_folder());
            run(node.env("HEADSTART_CHROMIUM", tools::chromium()?))?;
        }
    }
    Ok(())
}
