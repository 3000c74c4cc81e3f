//! Runs credential helpers. They are programs of others: they may wait for a person, for a network, or for ever, and say
//! anything; what they say may be the secret.
//!
//! A helper gets `get` as its argument and the server's name on standard input, no shell and no say in what is run but its
//! name. Its environment is the caller's: keyrings and clouds are found by variables that nobody can list (`HOME`,
//! `DBUS_SESSION_BUS_ADDRESS`, `GPG_TTY`, `AWS_PROFILE`, proxies, …). Only the variables that speak to this program alone are
//! taken out, as the addresses among them may carry a password and no helper has a use for them. What a helper writes to
//! standard error is thrown away: nobody can tell whether it holds a secret.
//!
//! A helper is waited for by a thread that nobody can interrupt, and a run must not wait for it when nobody wants its answer
//! any more. So [`Processes`] knows who is running, and whoever ends a run ends them. A signal that ends the program needs no
//! more: a terminal sends it to helpers as well.

use std::collections::HashMap;
use std::io::{Read as _, Write as _};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, ChildStdout, Command, ExitStatus, Stdio};
use std::sync::mpsc::{self, Receiver, RecvTimeoutError, SyncSender};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use oci_transport::CredentialError;
use registries_conf::{Credentials, Helper};

use crate::env::FOR_THIS_PROGRAM;

/// How long a helper may take: five minutes, since one may ask a person for a passphrase.
const TIME: Duration = Duration::from_secs(300);

/// How much a helper may answer, in bytes: 1 MiB. A token has some KiB.
const MOST_BYTES: u64 = 1 << 20;

/// How long an answer counts for other repositories of the server: a minute, since tokens expire.
const FRESH: Duration = Duration::from_secs(60);

/// What a helper said, or why that is of no use.
type Answer = Result<Option<Credentials>, CredentialError>;

/// The last answer about a server, and when it was given. Whoever holds it is asking.
type Slot = Arc<Mutex<Option<(Instant, Answer)>>>;

/// The helpers on the search path.
#[derive(Debug)]
pub(super) struct Helpers {
    search_path: Vec<PathBuf>,
    time: Duration,
    processes: Arc<Processes>,
    /// By program and server, so that images of one registry that are copied at the same time ask, and wait, once.
    answers: Mutex<HashMap<(String, String), Slot>>,
}

impl Helpers {
    /// Helpers that are looked for in `search_path`, and join `processes` while they run.
    pub(super) fn new(search_path: Vec<PathBuf>, processes: Arc<Processes>) -> Self {
        Self { search_path, time: TIME, processes, answers: Mutex::default() }
    }

    /// Whether the program is there.
    pub(super) fn has(&self, helper: &Helper) -> bool {
        find(&self.search_path, &helper.program()).is_some()
    }

    /// Asks a helper about its server.
    pub(super) fn ask(&self, helper: &Helper) -> Answer {
        let slot = {
            let mut answers = self.answers.lock().unwrap_or_else(PoisonError::into_inner);
            Arc::clone(answers.entry((helper.name.clone(), helper.server.clone())).or_default())
        };
        let mut slot = slot.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((at, answer)) = &*slot
            && at.elapsed() < FRESH
        {
            return answer.clone();
        }
        let answer = self.run(helper);
        *slot = Some((Instant::now(), answer.clone()));
        answer
    }

    fn run(&self, helper: &Helper) -> Answer {
        let (name, server) = (helper.program(), &helper.server);
        let because = |why: String| CredentialError(format!("credential helper `{name}` for `{server}` {why}"));
        let failed = |error: std::io::Error| because(format!("cannot be run: {error}"));
        let by_hand = |why: &str| format!("{why}; `echo {server} | {name} get` shows what it says");
        let program = find(&self.search_path, &name).ok_or_else(|| because("is not on PATH".to_owned()))?;

        let deadline = Instant::now() + self.time;
        let mut command = Command::new(program);
        command.arg("get");
        for variable in FOR_THIS_PROGRAM {
            command.env_remove(variable);
        }
        let over = || because("was ended, since the run is over".to_owned());
        let (running, said) = self.processes.start(command).map_err(failed)?.ok_or_else(over)?;
        let Started { mut stdin, stdout, teller } = said;
        // A helper that does not read its input has decided already; its answer counts. A pipe takes a name whole.
        let _ = stdin.write_all(server.as_bytes());
        drop(stdin);
        // What a helper has started may keep its output open for longer than it lives; then this thread is left behind.
        std::thread::Builder::new()
            .name("credential-helper".to_owned())
            .spawn(move || {
                let mut answer = Vec::new();
                let read = stdout.take(MOST_BYTES + 1).read_to_end(&mut answer);
                let _ = teller.try_send(Said::Answer(read.map(|_| answer)));
            })
            .map_err(failed)?;
        let too_slow = || because(by_hand(&format!("was ended, since it took longer than {} s", self.time.as_secs())));
        let said = running.said.recv_timeout(self.time);
        let answer = match said {
            Ok(Said::Answer(read)) => read.map_err(failed)?,
            Ok(Said::Over) => return Err(over()),
            Err(RecvTimeoutError::Timeout) => return Err(too_slow()),
            Err(RecvTimeoutError::Disconnected) => return Err(because("was interrupted".to_owned())),
        };
        if answer.len() as u64 > MOST_BYTES {
            return Err(because(format!("was ended, since it answered more than {MOST_BYTES} bytes")));
        }
        let status = running.wait_until(deadline).map_err(failed)?;
        // Who was ended has not failed.
        if self.processes.lock().over {
            return Err(over());
        }
        let status = status.ok_or_else(too_slow)?;
        helper.answer(status.success(), &answer).map_err(|error| CredentialError(by_hand(&error.to_string())))
    }
}

/// The first file of this name on a search path.
pub(super) fn find(search_path: &[PathBuf], name: &str) -> Option<PathBuf> {
    search_path.iter().map(|folder: &PathBuf| Path::new(folder).join(name)).find(|path| path.is_file())
}

/// The helpers that run now, whoever asked them.
#[derive(Debug, Default)]
pub struct Processes(Mutex<State>);

#[derive(Debug, Default)]
struct State {
    /// Whether nothing is started any more.
    over: bool,
    running: Vec<(Arc<Mutex<Child>>, SyncSender<Said>)>,
}

/// What the thread that waits for a helper is told.
#[derive(Debug)]
enum Said {
    Answer(std::io::Result<Vec<u8>>),
    Over,
}

/// Both ends of a helper that was started, and whom to tell what it says.
struct Started {
    stdin: ChildStdin,
    stdout: ChildStdout,
    teller: SyncSender<Said>,
}

impl Processes {
    /// Ends whoever is running and starts nobody any more: the run is over.
    pub fn end(&self) {
        let mut state = self.lock();
        state.over = true;
        for (child, teller) in &state.running {
            let _ = lock(child).kill();
            let _ = teller.try_send(Said::Over);
        }
    }

    /// Starts a process; `None` when the run is over.
    fn start(self: &Arc<Self>, mut command: Command) -> std::io::Result<Option<(Running, Started)>> {
        let mut state = self.lock();
        if state.over {
            return Ok(None);
        }
        let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null()).spawn()?;
        let ends = child.stdin.take().zip(child.stdout.take());
        let child = Arc::new(Mutex::new(child));
        // Room for its answer and for the end of the run.
        let (teller, said) = mpsc::sync_channel(2);
        state.running.push((Arc::clone(&child), teller.clone()));
        let running = Running { child, said, all: Arc::clone(self) };
        let (stdin, stdout) = ends.ok_or_else(|| std::io::Error::other("it has no standard input and output"))?;
        Ok(Some((running, Started { stdin, stdout, teller })))
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        lock(&self.0)
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// A process that does not outlive its use.
struct Running {
    child: Arc<Mutex<Child>>,
    said: Receiver<Said>,
    all: Arc<Processes>,
}

impl Running {
    /// How it ended; `None` when it has not by the deadline.
    fn wait_until(&self, deadline: Instant) -> std::io::Result<Option<ExitStatus>> {
        loop {
            let status = lock(&self.child).try_wait()?;
            if status.is_some() || Instant::now() >= deadline {
                return Ok(status);
            }
            std::thread::sleep(Duration::from_millis(5));
        }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.all.lock().running.retain(|(child, _)| !Arc::ptr_eq(child, &self.child));
        // Both do nothing when it has ended and that is known.
        let mut child = lock(&self.child);
        let _ = child.kill();
        let _ = child.wait();
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;
    use std::sync::MutexGuard;

    use super::*;

    const SECRET: &str = "pl4nted-s3cret-word";

    /// A process that is being started has the files that are being written here; until it is, none of them can be run.
    static ONE: Mutex<()> = Mutex::new(());

    struct World {
        folder: tempfile::TempDir,
        helpers: Helpers,
        _one: MutexGuard<'static, ()>,
    }

    impl World {
        /// The helper `lab` is this shell script.
        fn new(script: &str) -> Self {
            let one = ONE.lock().unwrap_or_else(PoisonError::into_inner);
            let folder = tempfile::tempdir().unwrap();
            let path = folder.path().join("docker-credential-lab");
            std::fs::write(&path, format!("#!/bin/sh\ncd {}\n{script}\n", folder.path().display())).unwrap();
            std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o755)).unwrap();
            let helpers = Helpers::new(vec!["/nowhere".into(), folder.path().to_owned()], Arc::default());
            Self { folder, helpers, _one: one }
        }

        /// What comes of asking, without secrets: `user`, nothing, or the reason.
        fn ask(&self) -> String {
            let answer = self.helpers.ask(&Helper::new("lab", "reg.lab:5000").unwrap());
            let text = match answer {
                Ok(Some(Credentials::Basic { username, password })) => {
                    assert_eq!(password.reveal(), SECRET);
                    format!("user {}", username.reveal())
                }
                Ok(Some(other)) => format!("{other:?}"),
                Ok(None) => "nothing".to_owned(),
                Err(error) => error.to_string(),
            };
            assert!(!text.contains(SECRET), "{text}");
            text
        }

        fn file(&self, name: &str) -> Option<String> {
            std::fs::read_to_string(self.folder.path().join(name)).ok()
        }
    }

    fn good() -> String {
        format!(r#"echo '{{"ServerURL":"x","Username":"me","Secret":"{SECRET}"}}'"#)
    }

    #[track_caller]
    fn check(script: &str, expected: &str) {
        assert_eq!(World::new(script).ask(), expected, "{script}");
    }

    const BY_HAND: &str = "; `echo reg.lab:5000 | docker-credential-lab get` shows what it says";

    #[test]
    fn answers() {
        check(&good(), "user me");
        check(&format!("test $# = 1 && test \"$1\" = get && test \"$(cat)\" = reg.lab:5000 && {}", good()), "user me");
        check("echo '{}'", "nothing");
        check("echo 'credentials not found in native keychain'; exit 1", "nothing");
        let failed = format!("credential helper `docker-credential-lab` failed{BY_HAND}");
        check(&format!("echo {SECRET}; echo {SECRET} >&2; exit 1"), &failed);
        check(&format!("{}; exit 3", good()), &failed);
        check(&format!("{}; kill -9 $$", good()), &failed);
        let rubbish = |column: usize| {
            format!(
                "credential helper `docker-credential-lab` answered with something else than a JSON object of strings \
                 (line 1, column {column}){BY_HAND}"
            )
        };
        check(&format!("echo {SECRET}"), &rubbish(1));
        check("printf '\\377\\376'", &rubbish(1));
        check(
            &format!("echo '{{\"Secret\":\"{SECRET}\"}}'"),
            &format!("credential helper `docker-credential-lab` answered without user name{BY_HAND}"),
        );
    }

    #[test]
    fn programs_that_cannot_be_run() {
        let mut world = World::new("");
        std::fs::set_permissions(
            world.folder.path().join("docker-credential-lab"),
            std::fs::Permissions::from_mode(0o644),
        )
        .unwrap();
        let who = "credential helper `docker-credential-lab` for `reg.lab:5000`";
        assert_eq!(world.ask(), format!("{who} cannot be run: Permission denied (os error 13)"));
        world.helpers = Helpers::new(vec!["/nowhere".into()], Arc::default());
        assert_eq!(world.ask(), format!("{who} is not on PATH"));
    }

    /// A flood is not kept and does not go on.
    #[test]
    fn a_flood_is_cut() {
        let who = "credential helper `docker-credential-lab` for `reg.lab:5000`";
        check("while :; do echo flood; done", &format!("{who} was ended, since it answered more than 1048576 bytes"));
        // As much on standard error as fits nowhere.
        check(&format!("head -c 2000000 /dev/zero >&2; {}", good()), "user me");
    }

    /// Who does not end is ended: at its work, with its output closed, and with a child that keeps the output open.
    #[test]
    fn who_hangs_is_ended() {
        for (what, script) in [
            ("at work", "exec sleep 600"),
            ("silent", "exec >&-; exec sleep 600"),
            ("with a child", "sleep 600 & echo $! >child; wait"),
        ] {
            let mut world = World::new(&format!("echo $$ >pid\n{script}"));
            // However slow the machine is, it is not slower than never.
            world.helpers.time = Duration::from_secs(1);
            assert_eq!(
                world.ask(),
                format!(
                    "credential helper `docker-credential-lab` for `reg.lab:5000` was ended, since it took longer than \
                     1 s{BY_HAND}"
                ),
                "{what}"
            );
            let pid = world.file("pid").unwrap_or_default();
            assert!(pid.is_empty() || !Path::new("/proc").join(pid.trim()).exists(), "{what}: {pid} lives on");
            if let Some(child) = world.file("child") {
                let _ = Command::new("kill").arg(child.trim()).status();
            }
        }
    }

    /// Nobody waits for a helper when the run is over, whatever it is at, and none is started any more.
    #[test]
    fn the_end_of_a_run_ends_who_is_running() {
        let because = "credential helper `docker-credential-lab` for `reg.lab:5000` was ended, since the run is over";
        for (what, script) in [
            ("at work", "exec sleep 600"),
            ("silent", "exec >&-; exec sleep 600"),
            ("with a child", "sleep 600 & echo $! >child; wait"),
        ] {
            let world = World::new(&format!("echo $$ >pid\n{script}"));
            std::thread::scope(|scope| {
                let asked = scope.spawn(|| world.ask());
                while !world.file("pid").is_some_and(|pid| pid.ends_with('\n')) {
                    std::thread::sleep(Duration::from_millis(5));
                }
                world.helpers.processes.end();
                assert_eq!(asked.join().unwrap(), because, "{what}");
            });
            let pid = world.file("pid").unwrap();
            assert!(!Path::new("/proc").join(pid.trim()).exists(), "{what}: {pid} lives on");
            if let Some(child) = world.file("child") {
                let _ = Command::new("kill").arg(child.trim()).status();
            }
            let other = world.helpers.ask(&Helper::new("lab", "other.lab").unwrap()).unwrap_err().to_string();
            assert_eq!(other, because.replace("reg.lab:5000", "other.lab"), "{what}");
        }
    }

    /// The images of a registry that are copied together ask once, and hear the same; so do those behind a failure.
    #[test]
    fn one_question_for_a_server() {
        for (script, expected) in [(good(), "user me"), ("exit 1".to_owned(), "failed")] {
            let world = World::new(&format!("echo asked >>asked\n{script}"));
            std::thread::scope(|scope| {
                for _ in 0..8 {
                    scope.spawn(|| assert!(world.ask().contains(expected)));
                }
            });
            assert_eq!(world.file("asked").unwrap(), "asked\n");
            world.helpers.ask(&Helper::new("lab", "other.lab").unwrap()).ok();
            assert_eq!(world.file("asked").unwrap(), "asked\nasked\n");
        }
    }
}
