//! What a process costs: wall time, CPU, peak memory, bytes written. From `/proc`, without help of the process.

use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context as _, bail};
use rustix::process::{Pid, WaitId, WaitIdOptions, waitid};

/// The costs of one process.
#[derive(Debug, Default, Clone, Copy)]
pub(crate) struct Cost {
    /// Wall time in seconds.
    pub(crate) wall: f64,
    /// CPU time in seconds, user and system.
    pub(crate) cpu: f64,
    /// Peak resident memory in bytes.
    pub(crate) memory: u64,
    /// Bytes that it made dirty in the page cache for the disk.
    pub(crate) written: u64,
}

/// How often the peak of memory is read; what grows in the last of these before the end is not seen.
const SAMPLE: Duration = Duration::from_millis(5);

/// Ticks per second in `/proc/PID/stat`: `USER_HZ`, which is 100 on Linux everywhere.
const TICKS: f64 = 100.0;

/// Runs a command to its end; fails, with its output, when it fails.
pub(crate) fn run(command: &mut Command) -> anyhow::Result<Cost> {
    run_to(command, 0)
}

/// Runs a command to its end; fails, with its output, when it ends with another exit code.
pub(crate) fn run_to(command: &mut Command, code: i32) -> anyhow::Result<Cost> {
    let log = tempfile::NamedTempFile::new()?;
    command.stdout(Stdio::from(log.reopen()?)).stderr(Stdio::from(log.reopen()?));
    let start = Instant::now();
    let mut child = command.spawn().with_context(|| format!("cannot start {}", command.get_program().display()))?;
    let raw = i32::try_from(child.id()).ok().and_then(Pid::from_raw).context("a process id is positive")?;
    let proc = |name: &str| std::fs::read_to_string(format!("/proc/{}/{name}", raw.as_raw_nonzero()));
    let mut memory = 0;
    // Waits without reaping: until then the kernel still tells what the dead process cost.
    loop {
        let options = WaitIdOptions::EXITED | WaitIdOptions::NOWAIT | WaitIdOptions::NOHANG;
        let ended = waitid(WaitId::Pid(raw), options)?.is_some();
        if let Ok(status) = proc("status") {
            memory = memory.max(field(&status, "VmHWM:") * 1024);
        }
        if ended {
            break;
        }
        std::thread::sleep(SAMPLE);
    }
    let wall = start.elapsed().as_secs_f64();
    let stat = proc("stat")?;
    let written = proc("io").map(|io| field(&io, "write_bytes:")).unwrap_or_default();
    let status = child.wait()?;
    if status.code() != Some(code) {
        let text = std::fs::read_to_string(log.path()).unwrap_or_default();
        let tail: Vec<&str> = text.lines().rev().take(20).collect();
        let tail: Vec<&str> = tail.into_iter().rev().collect();
        bail!("{} ended with {status}:\n{}", command.get_program().display(), tail.join("\n"));
    }
    Ok(Cost { wall, cpu: times(&stat, OWN).context("an unknown form of /proc/PID/stat")?, memory, written })
}

/// Runs `work`, which starts processes and waits for all of them, and sums up what they cost. Their memory and what they
/// write is not looked at.
pub(crate) fn children(work: impl FnOnce() -> anyhow::Result<()>) -> anyhow::Result<Cost> {
    let waited_for = || -> anyhow::Result<f64> {
        let stat = std::fs::read_to_string("/proc/self/stat")?;
        times(&stat, CHILDREN).context("an unknown form of /proc/self/stat")
    };
    let (before, start) = (waited_for()?, Instant::now());
    work()?;
    let wall = start.elapsed().as_secs_f64();
    Ok(Cost { wall, cpu: waited_for()? - before, ..Cost::default() })
}

/// The number after `name` in a file of `name number` lines.
fn field(text: &str, name: &str) -> u64 {
    let line = text.lines().find_map(|line| line.strip_prefix(name));
    line.and_then(|rest| rest.split_whitespace().next()?.parse().ok()).unwrap_or_default()
}

/// Where `/proc/PID/stat` has user and system time (proc(5)): fields 14 and 15 of the process, counted from the third, since
/// the name in field 2 may hold blanks.
const OWN: usize = 11;
/// And fields 16 and 17, of the children that it has waited for.
const CHILDREN: usize = 13;

/// User and system time of `/proc/PID/stat`, of which `user` is the first.
fn times(stat: &str, user: usize) -> Option<f64> {
    let after_name = stat.rsplit_once(") ")?.1;
    let mut fields = after_name.split(' ').skip(user);
    let (user, system) = (fields.next()?.parse::<f64>().ok()?, fields.next()?.parse::<f64>().ok()?);
    Some((user + system) / TICKS)
}

/// The middle one; of an even number the lower of the two in the middle.
pub(crate) fn median(numbers: impl IntoIterator<Item = f64>) -> f64 {
    let mut numbers: Vec<f64> = numbers.into_iter().collect();
    numbers.sort_by(f64::total_cmp);
    numbers.get(numbers.len().saturating_sub(1) / 2).copied().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_process_is_measured() {
        let script = "head -c 20000000 /dev/zero | tail -c 10000000 > /dev/null; i=0; while [ $i -lt 200000 ]; do i=$((i+1)); done";
        let cost = run(Command::new("sh").args(["-c", script])).unwrap();
        assert!(cost.cpu > 0.0 && cost.cpu < cost.wall * 3.0 && cost.memory > 100_000, "{cost:?}");
        let error = run(Command::new("sh").args(["-c", "echo why; exit 3"])).unwrap_err();
        assert!(error.to_string().contains("why"), "{error}");
    }

    #[test]
    fn processes_are_measured_together() {
        let busy = || Command::new("sh").args(["-c", "i=0; while [ $i -lt 200000 ]; do i=$((i+1)); done"]).spawn();
        let cost = children(|| {
            let both = [busy()?, busy()?];
            both.into_iter().try_for_each(|mut one| one.wait().map(drop))?;
            Ok(())
        });
        let cost = cost.unwrap();
        assert!(cost.cpu > 0.0 && cost.wall > 0.0, "{cost:?}");
    }

    #[test]
    fn medians() {
        assert!((median([3.0, 1.0, 2.0]) - 2.0).abs() < 1e-9);
        assert!((median([4.0, 1.0, 3.0, 2.0]) - 2.0).abs() < 1e-9);
        assert!(median([]).abs() < 1e-9);
    }
}
