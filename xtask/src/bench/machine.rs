//! What a process takes of the machine, as Linux tells it under `/proc`.

use std::fs;

use e2e::stand::Error;

/// Ticks per second in `/proc/<id>/stat`, the same on every Linux that Rust runs on.
const TICKS: f64 = 100.0;

/// How many cores there are.
pub(super) fn cores() -> usize {
    std::thread::available_parallelism().map_or(1, usize::from)
}

/// Resident memory of a process in MiB.
pub(super) fn resident_mib(id: u32) -> Result<f64, Error> {
    memory(id, "VmRSS:")
}

/// The most resident memory that a process has had so far, in MiB.
pub(super) fn peak_mib(id: u32) -> Result<f64, Error> {
    memory(id, "VmHWM:")
}

fn memory(id: u32, field: &str) -> Result<f64, Error> {
    let status = fs::read_to_string(format!("/proc/{id}/status"))?;
    let line = status.lines().find_map(|line| line.strip_prefix(field)).unwrap_or_default();
    let kib: f64 = line.trim().trim_end_matches(" kB").parse()?;
    Ok(kib / 1024.0)
}

/// Processor time of a process so far, in seconds.
pub(super) fn cpu_seconds(id: u32) -> Result<f64, Error> {
    let stat = fs::read_to_string(format!("/proc/{id}/stat"))?;
    // The program's name is in parentheses and may hold spaces; utime and stime are fields 14 and 15.
    let fields = stat.rsplit(')').next().unwrap_or_default().split_whitespace().skip(11).take(2);
    let ticks: Vec<f64> = fields.map(str::parse).collect::<Result<_, _>>()?;
    Ok(ticks.iter().sum::<f64>() / TICKS)
}
