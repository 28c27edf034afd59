//! `cargo xtask serve`: the page at a local address, built again after every change.

use crate::command::command;
use crate::{site, tools};
use anyhow::{Context, Result, bail};
use clap::Args;
use std::io::{BufRead, BufReader, IsTerminal, Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread;
use std::time::{Duration, Instant};

#[derive(Args)]
pub struct Serve {
    /// The port to serve on; the next free one is taken if it is in use.
    #[arg(long, default_value_t = 8080)]
    port: u16,
    /// Build without optimisation: faster to build, far slower to run.
    #[arg(long)]
    debug: bool,
    /// Print the address only, and leave the browser alone.
    #[arg(long)]
    no_open: bool,
}

/// What Trunk says when a build failed; it goes on watching the files.
const FAILURE: &str = "error from build pipeline";

/// How many of Trunk's last lines are searched for a known cause.
const REMEMBERED_LINES: usize = 200;

pub fn serve(options: &Serve) -> Result<()> {
    let started = Instant::now();
    let path = tools::page_builders()?;
    crate::vendor::vendor()?;
    let port = free_port(options.port)?;
    if port != options.port {
        println!("Port {} is in use, so this is port {port}.", options.port);
    }
    let profile = if options.debug { "debug" } else { "release" };
    println!("Building the page in {profile} mode (the first time usually 3 minutes, then seconds)…");

    let mut trunk = site::trunk(&path);
    trunk.args(["serve", "--address", "127.0.0.1", "--port", &port.to_string()]);
    if !options.debug {
        trunk.arg("--release");
    }
    let mut trunk = spawn_piped(&mut trunk)?;
    let lines = lines_of(&mut trunk);
    let address = format!("http://127.0.0.1:{port}/");
    let mut remembered = Vec::new();
    let mut is_announced = false;
    loop {
        while let Ok(line) = lines.recv_timeout(Duration::from_millis(100)) {
            println!("{line}");
            if line.contains(FAILURE) {
                let otherwise = "Mend the first error above and save the file: it is built again by itself.";
                println!("\nThe build failed. {}\n", advice(&remembered).unwrap_or(otherwise));
                remembered.clear();
            }
            remembered.push(line);
            if remembered.len() > REMEMBERED_LINES {
                remembered.remove(0);
            }
        }
        if let Some(status) = trunk.try_wait()? {
            bail!("Trunk stopped ({status}). {}", advice(&remembered).unwrap_or("Its last lines say why."));
        }
        if !is_announced && serves_the_page(port) {
            is_announced = true;
            println!("\nHeadstart is at {address} (ready after {:.0?}).", started.elapsed());
            println!("It is built again when a file changes. Ctrl+C stops it.\n");
            if !options.no_open && std::io::stdout().is_terminal() {
                open_browser(&address);
            }
        }
    }
}

/// `wanted`, or the first port above it that nobody listens on.
fn free_port(wanted: u16) -> Result<u16> {
    let is_free = |port: &u16| TcpListener::bind((Ipv4Addr::LOCALHOST, *port)).is_ok();
    let last = wanted.saturating_add(100);
    (wanted..=last)
        .find(is_free)
        .with_context(|| format!("no port from {wanted} to {last} is free: name another one with --port"))
}

fn spawn_piped(command: &mut Command) -> Result<Child> {
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    // Cargo would leave its colours out, because it does not see the terminal behind the pipe.
    if std::io::stdout().is_terminal() {
        command.env("CARGO_TERM_COLOR", "always");
    }
    command.spawn().context("Trunk cannot be started")
}

/// What `child` prints on both of its streams, line by line.
fn lines_of(child: &mut Child) -> Receiver<String> {
    fn read(stream: impl Read + Send + 'static, lines: Sender<String>) {
        thread::spawn(move || {
            for line in BufReader::new(stream).lines().map_while(Result::ok) {
                if lines.send(line).is_err() {
                    return;
                }
            }
        });
    }
    let (sender, receiver) = channel();
    if let Some(stream) = child.stdout.take() {
        read(stream, sender.clone());
    }
    if let Some(stream) = child.stderr.take() {
        read(stream, sender);
    }
    receiver
}

/// Whether the engine is there, which it is only after a build that succeeded.
fn serves_the_page(port: u16) -> bool {
    let address = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
    let Ok(mut stream) = TcpStream::connect_timeout(&address, Duration::from_millis(200)) else {
        return false;
    };
    stream.set_read_timeout(Some(Duration::from_secs(2))).ok();
    let request = "GET /headstart.js HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n";
    let mut start = [0; 12];
    stream.write_all(request.as_bytes()).is_ok()
        && stream.read_exact(&mut start).is_ok()
        && start.ends_with(b" 200")
}

/// One sentence on what to do, if the output shows a known cause.
fn advice(lines: &[String]) -> Option<&'static str> {
    const KNOWN: [(&str, &str); 6] = [
        (
            "No space left on device",
            "The disk is full: make room (`cargo clean` frees what was built) and start again.",
        ),
        (
            "linker `",
            "Rust's linker is missing: install a C compiler (gcc, Xcode's command line tools, Visual Studio's build tools).",
        ),
        ("failed to download", "A download failed: check the network connection and start again."),
        ("spurious network error", "A download failed: check the network connection and start again."),
        (
            "schema version",
            "wasm-bindgen does not fit the crate of that name: delete the folder .tools and start again.",
        ),
        ("Address already in use", "Another program took the port: start again."),
    ];
    let cause = KNOWN.iter().find(|(sign, _)| lines.iter().any(|line| line.contains(sign)));
    cause.map(|(_, advice)| *advice)
}

/// Opens the system's browser; where there is none, the printed address has to do.
fn open_browser(address: &str) {
    let mut open = if cfg!(target_os = "macos") {
        command("open")
    } else if cfg!(windows) {
        command("explorer")
    } else {
        command("xdg-open")
    };
    open.arg(address).stdout(Stdio::null()).stderr(Stdio::null()).spawn().ok();
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_port_in_use_is_passed_over() {
        let taken = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("some port is free");
        let port = taken.local_addr().expect("a bound socket has an address").port();
        assert_ne!(free_port(port).expect("another port is free"), port);
    }

    #[test]
    fn a_full_disk_is_named_as_the_cause() {
        let lines = ["error: could not write", "No space left on device (os error 28)"].map(String::from);
        assert!(
            advice(&lines).is_some_and(|sentence| sentence.contains("disk is full")),
            "{:?}",
            advice(&lines)
        );
        assert_eq!(advice(&[]), None);
    }
}
