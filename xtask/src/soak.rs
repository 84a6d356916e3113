//! `cargo xtask soak`: the simulation for as long as somebody likes, one history after the other, on all cores.

use std::collections::BTreeMap;
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::test::cargo;
use crate::{Outcome, repository};

/// How often the state is told.
const WORD: Duration = Duration::from_secs(30);

/// What `cargo xtask soak` takes.
#[derive(Debug, clap::Args)]
pub(crate) struct Arguments {
    /// How many histories to run
    #[arg(long, default_value_t = 100, value_name = "NUMBER")]
    histories: u64,
    /// The seed of the first history; each further one has the next number
    #[arg(long, default_value_t = 0, value_name = "SEED")]
    first: u64,
    /// Begin no history after so many minutes
    #[arg(long, value_name = "MINUTES")]
    minutes: Option<u64>,
    /// How many histories at once. Default: one on each core
    #[arg(long, value_name = "NUMBER")]
    jobs: Option<usize>,
}

/// What the histories have in common.
struct Soak {
    /// The built simulation.
    program: String,
    next: AtomicU64,
    end: u64,
    begun: Instant,
    longest: Option<Duration>,
    stopped: AtomicBool,
    sums: Mutex<Sums>,
}

#[derive(Default)]
struct Sums {
    histories: u64,
    /// Passes, requests, changes in Azure.
    counts: [u64; 3],
    /// What the histories said that failed, by seed.
    failed: BTreeMap<u64, String>,
}

pub(crate) fn run(arguments: &Arguments) -> Outcome {
    let jobs = arguments.jobs.unwrap_or_else(|| thread::available_parallelism().map_or(1, usize::from));
    let soak = Soak {
        program: built()?,
        next: AtomicU64::new(arguments.first),
        end: arguments.first.saturating_add(arguments.histories),
        begun: Instant::now(),
        longest: arguments.minutes.map(|minutes| Duration::from_secs(minutes * 60)),
        stopped: AtomicBool::new(false),
        sums: Mutex::default(),
    };
    thread::scope(|scope| {
        let workers: Vec<_> = (0..jobs.max(1)).map(|_| scope.spawn(|| soak.work())).collect();
        let mut told = Instant::now();
        while workers.iter().any(|worker| !worker.is_finished()) {
            thread::sleep(Duration::from_millis(200));
            if told.elapsed() > WORD {
                told = Instant::now();
                println!("{}", soak.told());
            }
        }
    });
    println!("{}", soak.told());
    let sums = soak.sums();
    let Some((seed, said)) = sums.failed.first_key_value() else { return Ok(()) };
    println!("{said}");
    Err(format!(
        "history {seed} does not hold; `BINDERY_SIMULATION_SEED={seed} cargo test -p bindery --lib simulation -- --nocapture` tells all of it"
    )
    .into())
}

/// Builds the simulation with optimisation and every check. The answer is the program.
fn built() -> Result<String, Box<dyn std::error::Error>> {
    println!("Building the simulation with optimisation; cargo says what it does.");
    let output = cargo()
        .args(["test", "--package", "bindery", "--lib", "--no-run", "--profile", "soak"])
        .args(["--message-format", "json-render-diagnostics"])
        .current_dir(repository())
        .stderr(Stdio::inherit())
        .output()?;
    if !output.status.success() {
        return Err("the simulation does not build".into());
    }
    let text = String::from_utf8_lossy(&output.stdout);
    let program = text.lines().filter_map(program).next_back();
    program.ok_or_else(|| "cargo does not say where the built simulation is".into())
}

/// The test program that a message of cargo names.
fn program(line: &str) -> Option<String> {
    let message: Value = serde_json::from_str(line).ok()?;
    let is_test = message["profile"]["test"] == true && message["target"]["name"] == "bindery";
    message["executable"].as_str().filter(|_| is_test).map(str::to_string)
}

impl Soak {
    fn sums(&self) -> std::sync::MutexGuard<'_, Sums> {
        self.sums.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Runs histories until none is left, one fails or the time is over.
    fn work(&self) {
        while !self.stopped.load(Ordering::Relaxed) {
            let seed = self.next.fetch_add(1, Ordering::Relaxed);
            if seed >= self.end || self.longest.is_some_and(|longest| self.begun.elapsed() > longest) {
                return;
            }
            let (counts, said) = self.history(seed);
            let mut sums = self.sums();
            sums.histories += 1;
            if let Some(counts) = counts {
                sums.counts.iter_mut().zip(counts).for_each(|(sum, more)| *sum += more);
            } else {
                sums.failed.insert(seed, said);
                self.stopped.store(true, Ordering::Relaxed);
            }
        }
    }

    /// Runs one history. The answer is what it counted, where it held, and what it said.
    fn history(&self, seed: u64) -> (Option<[u64; 3]>, String) {
        let run = Command::new(&self.program)
            .args(["simulation::whatever_happens", "--nocapture"])
            .env("BINDERY_SIMULATION_FIRST", seed.to_string())
            .env("BINDERY_SIMULATION_RUNS", "1")
            .output();
        let output = match run {
            Ok(output) => output,
            Err(error) => return (None, format!("{} does not run: {error}", self.program)),
        };
        let told = String::from_utf8_lossy(&output.stdout).into_owned();
        let counts = counted(&told).filter(|_| output.status.success());
        (counts, told + &String::from_utf8_lossy(&output.stderr))
    }

    fn told(&self) -> String {
        let sums = self.sums();
        let [passes, requests, deeds] = sums.counts;
        let held = sums.histories - sums.failed.len() as u64;
        format!(
            "{:.0} s: {held} histories hold, with {passes} passes, {requests} requests and {deeds} changes in Azure",
            self.begun.elapsed().as_secs_f32()
        )
    }
}

/// `12 passes with 34 requests, 5 changes in Azure; …`
fn counted(told: &str) -> Option<[u64; 3]> {
    let line = told.lines().find(|line| line.contains(" passes with "))?;
    let numbers: Vec<u64> = line.split([' ', ',']).filter_map(|word| word.parse().ok()).collect();
    numbers.get(..3)?.try_into().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_history_counted_is_read_from_its_last_words() {
        let told = "running 1 test\n812 passes with 3456 requests, 78 changes in Azure; 900 passes a second\ntest ok\n";
        assert_eq!(counted(told), Some([812, 3456, 78]));
        assert_eq!(counted("running 0 tests\n"), None, "a program without the simulation proves nothing");
    }

    #[test]
    fn the_test_program_is_found_among_what_cargo_has_built() {
        let of = |name: &str, test: bool| serde_json::json!({"reason": "compiler-artifact", "target": {"name": name}, "profile": {"test": test}, "executable": "/x/bindery-1"});
        assert_eq!(program(&of("bindery", true).to_string()), Some("/x/bindery-1".into()));
        assert_eq!(program(&of("bindery", false).to_string()), None);
        assert_eq!(program(&of("e2e", true).to_string()), None);
        assert_eq!(program("warning: none"), None);
    }
}
