//! A stand-in for the controller of Kubernetes Jobs: real processes, one for each index, that are killed and started again.

use std::process::{Child, Stdio};
use std::time::{Duration, Instant};

use crate::harness::Home;

/// After so long, a job that has not ended never will.
const DEADLINE: Duration = Duration::from_secs(400);

/// What the controller is asked to do.
pub(super) struct Job<'a> {
    /// The pushed plan.
    pub(super) plan: &'a str,
    /// Workers, the finisher not counted.
    pub(super) workers: usize,
    /// How often an index that fails is started again.
    pub(super) backoff: usize,
    /// The index that never starts.
    pub(super) dead: Option<usize>,
    /// More flags of `apply`.
    pub(super) flags: &'a [&'a str],
    /// A home for a pod of an index.
    pub(super) home: &'a dyn Fn(usize) -> Home,
}

/// An index to kill once so many bytes have arrived at the destination.
pub(super) struct Kill {
    pub(super) index: usize,
    pub(super) after: u64,
}

/// One index of the Job: a pod at a time, each with a home of its own, as an `emptyDir` is.
pub(super) struct Index {
    pub(super) number: usize,
    pub(super) pods: Vec<Home>,
    running: Option<Child>,
    /// Exit codes of the pods that ended by themselves.
    pub(super) codes: Vec<i32>,
    pub(super) kills: usize,
    /// When the index was over, counted from the beginning of the job.
    pub(super) ended: Duration,
    is_over: bool,
}

impl Index {
    /// Whether the last pod did all it had to do.
    pub(super) fn succeeded(&self) -> bool {
        self.codes.last() == Some(&0)
    }

    fn start(&mut self, job: &Job<'_>) {
        let home = (job.home)(self.number);
        let workspace = format!("file://{}", home.workspace().display());
        let shard = format!("auto/{}", job.workers);
        let args = ["apply", job.plan, "--shard", &shard, "--workspace", &workspace];
        let plain = ["--src-tls-verify=false", "--dest-tls-verify=false", "--retry-delay=10ms"];
        let mut command = home.command(&[&args[..], &plain, job.flags].concat());
        command.env("JOB_COMPLETION_INDEX", self.number.to_string());
        let log = std::fs::File::create(home.path().join("out")).unwrap();
        command.stdout(log.try_clone().unwrap()).stderr(Stdio::from(log));
        self.running = Some(command.spawn().unwrap());
        self.pods.push(home);
    }

    fn kill(&mut self) -> bool {
        let Some(mut child) = self.running.take() else { return false };
        child.kill().unwrap();
        child.wait().unwrap();
        self.kills += 1;
        true
    }

    fn look(&mut self, backoff: usize) {
        let Some(status) = self.running.as_mut().and_then(|child| child.try_wait().unwrap()) else { return };
        let code = status.code().unwrap_or(-1);
        self.codes.push(code);
        self.running = None;
        // As the manifest of `oc-mirror jobs` says: bit 32 fails the index.
        let hopeless = (33..64).contains(&code);
        self.is_over = code == 0 || hopeless || self.codes.len() > backoff;
    }
}

impl Drop for Index {
    /// A test that gives up leaves no process behind.
    fn drop(&mut self) {
        if let Some(mut child) = self.running.take() {
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}

impl Job<'_> {
    /// Starts every index, kills, starts again, until every index has succeeded or failed. `arrived` says how many bytes the
    /// destination has received, so that kills strike in the middle of the work on a slow machine too.
    pub(super) fn run(&self, mut kills: Vec<Kill>, mut arrived: impl FnMut(u64) -> u64) -> Vec<Index> {
        let new = |number| Index {
            number,
            pods: Vec::new(),
            running: None,
            codes: Vec::new(),
            kills: 0,
            ended: Duration::ZERO,
            is_over: self.dead == Some(number),
        };
        let mut indexes: Vec<Index> = (0..=self.workers).map(new).collect();
        let began = Instant::now();
        let mut bytes = 0;
        while indexes.iter().any(|index| !index.is_over) {
            assert!(began.elapsed() < DEADLINE, "the job does not end: {}", told(&indexes));
            for index in indexes.iter_mut().filter(|index| !index.is_over) {
                match index.running {
                    None => index.start(self),
                    Some(_) => index.look(self.backoff),
                }
                index.ended = began.elapsed();
            }
            bytes = arrived(bytes);
            if let Some(at) = kills.iter().position(|kill| kill.after <= bytes) {
                let kill = kills.remove(at);
                indexes[kill.index].kill();
            }
            std::thread::sleep(Duration::from_millis(15));
        }
        indexes
    }
}

/// What the last pod of each index said.
pub(super) fn told(indexes: &[Index]) -> String {
    let last = |index: &Index| {
        let text = index.pods.last().and_then(|home| std::fs::read_to_string(home.path().join("out")).ok());
        format!("--- index {} {:?}, killed {}\n{}", index.number, index.codes, index.kills, text.unwrap_or_default())
    };
    indexes.iter().map(last).collect::<Vec<_>>().join("\n")
}
