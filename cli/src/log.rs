//! Log lines, byte for byte as oc-mirror v2 writes them, and where they go (`docs/behaviour/config-cli.md` 6.1).
//!
//! Until the workspace has its `logs` directory, lines go to standard error; after [`Log::open`] they go to standard
//! output and to the file. Colours are for terminals, see [`colour`](crate::colour); files get neither colours nor pictures.
//! Nothing that is or looks like a credential leaves through here, see [`Redactor`].

mod layer;

use std::fmt::{self, Display};
use std::fs::File;
use std::io::{self, Write};
use std::str::FromStr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use jiff::civil::DateTime;

use mirror_engine::visible;
use oci_transport::Redactor;
use rooted_folder::RootedFolder;

use crate::colour::{for_files, without_codes};

/// How much is printed, from little to much: `error`, `info`, `debug`, `trace`. Also the level of a single line.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Level {
    /// Always printed.
    Error,
    /// Printed unless the log level is `error`. No log level of its own.
    Warn,
    /// The default log level.
    Info,
    /// What each step does.
    Debug,
    /// Every request and decision.
    Trace,
}

impl Level {
    /// Name, ANSI colour and the blanks before the colon.
    fn dress(self) -> (&'static str, u8, &'static str) {
        match self {
            Self::Error => ("ERROR", 91, " "),
            Self::Warn => ("WARN", 93, "  "),
            Self::Info => ("INFO", 94, "  "),
            Self::Debug => ("DEBUG", 92, " "),
            Self::Trace => ("TRACE", 96, " "),
        }
    }

    /// Formats one line, with its line feed.
    fn line(self, time: DateTime, message: &str) -> String {
        let (name, colour, blanks) = self.dress();
        format!("{} \u{1b}[1;{colour}m [{name}] \u{1b}[0m{blanks}: {message}\n", time.strftime("%Y/%m/%d %H:%M:%S"))
    }
}

impl FromStr for Level {
    type Err = ParseLevelError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text {
            "error" => Ok(Self::Error),
            "info" => Ok(Self::Info),
            "debug" => Ok(Self::Debug),
            "trace" => Ok(Self::Trace),
            _ => Err(ParseLevelError(text.into())),
        }
    }
}

/// The text is none of the four log levels.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("invalid log-level `{0}`: expected `info`, `debug`, `trace` or `error`")]
pub struct ParseLevelError(String);

/// The two streams of the process, or buffers that stand for them.
pub struct Streams {
    stdout: Box<dyn Write + Send>,
    stderr: Box<dyn Write + Send>,
}

impl Streams {
    /// The streams of this process.
    pub fn of_process() -> Self {
        Self { stdout: Box::new(io::stdout()), stderr: Box::new(io::stderr()) }
    }

    /// Buffers, and a handle to read what was written.
    pub fn captured() -> (Self, Captured) {
        let captured = Captured::default();
        let streams = Self { stdout: Box::new(captured.stdout.clone()), stderr: Box::new(captured.stderr.clone()) };
        (streams, captured)
    }
}

impl fmt::Debug for Streams {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Streams").finish_non_exhaustive()
    }
}

/// What was written to captured [`Streams`].
#[derive(Debug, Clone, Default)]
pub struct Captured {
    stdout: Buffer,
    stderr: Buffer,
}

impl Captured {
    /// Everything written to standard output so far.
    pub fn stdout(&self) -> String {
        self.stdout.text()
    }

    /// Everything written to standard error so far.
    pub fn stderr(&self) -> String {
        self.stderr.text()
    }
}

#[derive(Debug, Clone, Default)]
struct Buffer(Arc<Mutex<Vec<u8>>>);

impl Buffer {
    fn text(&self) -> String {
        String::from_utf8_lossy(&lock(&self.0)).into_owned()
    }
}

impl Write for Buffer {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        lock(&self.0).write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// The log. Clones share everything.
#[derive(Clone)]
pub struct Log(Arc<Mutex<Sink>>);

struct Sink {
    level: Level,
    streams: Streams,
    destination: Destination,
    redactor: Redactor,
    clock: fn() -> DateTime,
    /// Warnings so far, whatever the log level.
    warnings: Vec<String>,
    /// Called around each console line, so that a progress display can step aside.
    curtain: Option<Arc<dyn Curtain>>,
    /// The first error of writing to standard output.
    lost: Option<io::Error>,
    /// Whether standard output and standard error get colours.
    colours: (bool, bool),
    /// What a log file begins with, line by line.
    head: Vec<String>,
}

/// Where lines go.
enum Destination {
    /// Standard error: before the workspace exists, and for commands whose answer is on standard output.
    Stderr,
    /// Standard output, and the log file as long as it is open.
    Stdout(Option<File>),
    /// Standard error and the log file: standard output carries a machine-readable answer.
    StderrAnd(File),
}

/// Something drawn on the terminal that has to make room while a line is printed.
pub trait Curtain: Send + Sync {
    /// Runs `print` while nothing is drawn.
    fn part(&self, print: &mut dyn FnMut());
}

impl Log {
    /// A log that writes to standard error for now.
    pub fn new(streams: Streams, level: Level) -> Self {
        Self::with_clock(streams, level, || jiff::Zoned::now().datetime())
    }

    /// Like [`Log::new`], with a clock of the caller's choice.
    pub fn with_clock(streams: Streams, level: Level, clock: fn() -> DateTime) -> Self {
        Self(Arc::new(Mutex::new(Sink {
            level,
            streams,
            destination: Destination::Stderr,
            redactor: Redactor::default(),
            clock,
            warnings: Vec::new(),
            curtain: None,
            lost: None,
            colours: (true, true),
            head: Vec::new(),
        })))
    }

    /// Says which streams get colours: standard output, standard error. Files get none.
    pub fn set_colours(&self, stdout: bool, stderr: bool) {
        lock(&self.0).colours = (stdout, stderr);
    }

    /// Changes the level.
    pub fn set_level(&self, level: Level) {
        lock(&self.0).level = level;
    }

    /// The level in force.
    pub fn level(&self) -> Level {
        lock(&self.0).level
    }

    /// Knows what must not be printed. Clients share it, and everything that is written passes it.
    pub fn redactor(&self) -> Redactor {
        lock(&self.0).redactor.clone()
    }

    /// Puts up, or with none takes down, what has to step aside for each line.
    pub fn set_curtain(&self, curtain: Option<Arc<dyn Curtain>>) {
        lock(&self.0).curtain = curtain;
    }

    /// Adds lines to what the log file begins with. The console does not show them.
    pub fn add_to_head(&self, lines: Vec<String>) {
        lock(&self.0).head.extend(lines);
    }

    /// Starts the log file `name` in `folder`: from now on lines go to standard output and into it. With
    /// `stdout_is_answer`, standard output is left to the machine-readable answer, and lines stay on standard error.
    ///
    /// # Errors
    /// When the file cannot be created, and when a link or a special file lies in its place.
    pub fn open(&self, folder: &RootedFolder, name: &str, stdout_is_answer: bool) -> io::Result<()> {
        let mut file = folder.create(name)?;
        let mut sink = lock(&self.0);
        let time = (sink.clock)();
        for line in &sink.head {
            // A line that the disk does not take is lost, as any other.
            let line = Level::Info.line(time, &visible::word(&sink.redactor.clean(line)));
            let _ = file.write_all(for_files(&line).as_bytes());
        }
        sink.destination =
            if stdout_is_answer { Destination::StderrAnd(file) } else { Destination::Stdout(Some(file)) };
        Ok(())
    }

    /// Lets lines go to standard output, as [`Log::open`] does, for a run that ends before it has a log file.
    pub fn open_without_file(&self, stdout_is_answer: bool) {
        if !stdout_is_answer {
            lock(&self.0).destination = Destination::Stdout(None);
        }
    }

    /// Ends the log file. Later lines go to the console only.
    pub fn close(&self) {
        let mut sink = lock(&self.0);
        match &mut sink.destination {
            Destination::Stderr => {}
            Destination::Stdout(file) => *file = None,
            Destination::StderrAnd(_) => sink.destination = Destination::Stderr,
        }
    }

    /// Tells that something failed.
    pub fn error(&self, message: impl Display) {
        self.write(Level::Error, &message);
    }

    /// Warns.
    pub fn warn(&self, message: impl Display) {
        let text = message.to_string();
        self.keep_warning(&text);
        self.write(Level::Warn, &text);
    }

    /// Warns, with a sign in front for a reader of the log.
    pub fn caution(&self, message: impl Display) {
        let text = message.to_string();
        self.keep_warning(&text);
        self.write(Level::Warn, &format_args!("⚠️  {text}"));
    }

    fn keep_warning(&self, text: &str) {
        let mut sink = lock(&self.0);
        let cleaned = sink.redactor.clean(text);
        sink.warnings.push(cleaned);
    }

    /// What was warned about so far, without the sign in front.
    pub fn warnings(&self) -> Vec<String> {
        lock(&self.0).warnings.clone()
    }

    /// Tells what is going on.
    pub fn info(&self, message: impl Display) {
        self.write(Level::Info, &message);
    }

    /// Tells a detail.
    pub fn debug(&self, message: impl Display) {
        self.write(Level::Debug, &message);
    }

    /// Tells every detail.
    pub fn trace(&self, message: impl Display) {
        self.write(Level::Trace, &message);
    }

    /// Prints a line whatever the log level is; the greeting does that.
    pub fn always(&self, level: Level, message: impl Display) {
        lock(&self.0).write(level, &message.to_string());
    }

    /// Writes an answer, which is no log line, to standard output. [`Log::lost_output`] tells when that failed.
    pub fn with_stdout<T>(&self, write: impl FnOnce(&mut dyn Write) -> io::Result<T>) {
        let mut sink = lock(&self.0);
        let stdout = &mut sink.streams.stdout;
        let written = write(stdout).and_then(|_| stdout.flush());
        sink.note(written);
    }

    /// Says on standard error that standard output could not be written, if that is so: a full disk behind it, for one. A
    /// reader that went away (`| head`) has all that it wanted, and is no error. True when something was lost.
    pub fn lost_output(&self) -> bool {
        let mut sink = lock(&self.0);
        let Some(error) = sink.lost.take() else { return false };
        let message =
            format!("[Executor] cannot write to standard output: {error}; what was printed there is incomplete");
        let mut line = Level::Error.line((sink.clock)(), &message);
        if !sink.colours.1 {
            line = without_codes(&line);
        }
        let stderr = &mut sink.streams.stderr;
        let _ = stderr.write_all(line.as_bytes()).and_then(|()| stderr.flush());
        true
    }

    /// Writes text that is no log line, such as a usage, to standard error.
    pub fn with_stderr<T>(&self, write: impl FnOnce(&mut dyn Write) -> io::Result<T>) {
        let mut sink = lock(&self.0);
        let stderr = &mut sink.streams.stderr;
        let _ = write(stderr).and_then(|_| stderr.flush());
    }

    /// Sends the `tracing` events of our own crates here, as debug and trace lines. To be called once per process.
    pub fn listen(&self) {
        layer::install(self.clone());
    }

    fn write(&self, level: Level, message: &dyn Display) {
        let mut sink = lock(&self.0);
        if level <= sink.level {
            sink.write(level, &message.to_string());
        }
    }
}

impl Sink {
    /// Remembers the first failure of writing to standard output, closed pipes apart.
    fn note(&mut self, written: io::Result<()>) {
        if let Err(error) = written
            && error.kind() != io::ErrorKind::BrokenPipe
        {
            self.lost.get_or_insert(error);
        }
    }

    fn write(&mut self, level: Level, message: &str) {
        let line = level.line((self.clock)(), &visible::message(&self.redactor.clean(message)));
        // A full disk or a closed pipe must not end a mirror run that is otherwise healthy; a lost line on standard output
        // counts when the run is over.
        if let Destination::Stdout(Some(file)) | Destination::StderrAnd(file) = &mut self.destination {
            let _ = file.write_all(for_files(&line).as_bytes());
        }
        let on_stdout = matches!(self.destination, Destination::Stdout(_));
        let coloured = if on_stdout { self.colours.0 } else { self.colours.1 };
        let line = if coloured { line } else { without_codes(&line) };
        let console = if on_stdout { &mut self.streams.stdout } else { &mut self.streams.stderr };
        let mut written = Ok(());
        let mut print = || written = console.write_all(line.as_bytes()).and_then(|()| console.flush());
        match &self.curtain {
            Some(curtain) => curtain.part(&mut print),
            None => print(),
        }
        if on_stdout {
            self.note(written);
        }
    }
}

impl fmt::Debug for Log {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Log").field("level", &self.level()).finish_non_exhaustive()
    }
}

/// A panic in another thread must not silence the log.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn noon() -> DateTime {
        jiff::civil::date(2026, 8, 1).at(12, 0, 5, 0)
    }

    fn log(level: Level) -> (Log, Captured) {
        let (streams, captured) = Streams::captured();
        (Log::with_clock(streams, level, noon), captured)
    }

    fn all_levels(log: &Log) {
        log.error("e");
        log.warn("w");
        log.info("i");
        log.debug("d");
        log.trace("t");
    }

    #[test]
    fn the_bytes_of_each_line() {
        let (log, written) = log(Level::Trace);
        all_levels(&log);
        let expected = "2026/08/01 12:00:05 \x1b[1;91m [ERROR] \x1b[0m : e\n\
                        2026/08/01 12:00:05 \x1b[1;93m [WARN] \x1b[0m  : w\n\
                        2026/08/01 12:00:05 \x1b[1;94m [INFO] \x1b[0m  : i\n\
                        2026/08/01 12:00:05 \x1b[1;92m [DEBUG] \x1b[0m : d\n\
                        2026/08/01 12:00:05 \x1b[1;96m [TRACE] \x1b[0m : t\n";
        assert_eq!(written.stderr(), expected);
        assert_eq!(written.stdout(), "");
    }

    #[test]
    fn streams_without_colours() {
        let (log, written) = log(Level::Info);
        log.set_colours(true, false);
        log.info("👋 before");
        log.open_without_file(false);
        log.info("during");
        assert_eq!(written.stderr(), "2026/08/01 12:00:05  [INFO]   : 👋 before\n");
        assert_eq!(written.stdout(), "2026/08/01 12:00:05 \x1b[1;94m [INFO] \x1b[0m  : during\n");
    }

    #[test]
    fn levels_let_through() {
        for (level, expected) in [
            (Level::Error, "ERROR"),
            (Level::Info, "ERROR WARN INFO"),
            (Level::Debug, "ERROR WARN INFO DEBUG"),
            (Level::Trace, "ERROR WARN INFO DEBUG TRACE"),
        ] {
            let (log, written) = log(level);
            all_levels(&log);
            let stderr = written.stderr();
            let names: Vec<_> = stderr.lines().map(|line| &line[line.find('[').unwrap()..]).collect();
            let names: Vec<_> =
                names.iter().map(|line| line.split("m [").nth(1).unwrap().split(']').next().unwrap()).collect();
            assert_eq!(names.join(" "), expected, "{level:?}");
        }
    }

    #[test]
    fn the_greeting_is_always_printed() {
        let (log, written) = log(Level::Error);
        log.always(Level::Info, "hello");
        assert!(written.stderr().ends_with("[INFO] \x1b[0m  : hello\n"));
    }

    #[test]
    fn text_of_others_forges_no_line_and_steers_no_terminal() {
        let (log, written) = log(Level::Info);
        log.warn("entry `a\n2026/08/01 12:00:05 [INFO]  : all is well\u{1b}[2J`");
        assert!(written.stderr().ends_with(": entry `a\\n2026/08/01 12:00:05 [INFO]  : all is well\\u{1b}[2J`\n"));
        assert_eq!(written.stderr().lines().count(), 1);
    }

    #[test]
    fn warnings_are_kept_without_secrets() {
        let (log, written) = log(Level::Error);
        log.redactor().hide("hunter22");
        log.caution("the password is hunter22");
        log.error("no warning");
        assert_eq!(log.warnings().len(), 1);
        assert!(log.warnings()[0].starts_with("the password is ") && !log.warnings()[0].contains("hunter22"));
        assert!(!written.stderr().contains("WARN"));
    }

    #[test]
    fn level_names() {
        for (text, level) in
            [("error", Level::Error), ("info", Level::Info), ("debug", Level::Debug), ("trace", Level::Trace)]
        {
            assert_eq!(text.parse(), Ok(level));
        }
        for text in ["", "warn", "INFO", "debug "] {
            assert!(text.parse::<Level>().is_err(), "{text:?}");
        }
    }

    #[test]
    fn from_stderr_to_stdout_and_file_and_back_to_stdout() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("oc-mirror.log");
        let (log, written) = log(Level::Info);
        log.info("before");
        log.open(&RootedFolder::at(directory.path()), "oc-mirror.log", false).unwrap();
        log.info("during");
        log.close();
        log.error("after");
        assert!(written.stderr().ends_with(": before\n"));
        let stdout = written.stdout();
        assert!(stdout.contains(": during\n") && stdout.ends_with(": after\n"));
        let file = std::fs::read_to_string(path).unwrap();
        assert_eq!(file, "2026/08/01 12:00:05  [INFO]   : during\n");
        assert!(stdout.starts_with("2026/08/01 12:00:05 \x1b[1;94m [INFO] \x1b[0m  : during\n"));
    }

    #[test]
    fn the_file_begins_with_its_head_and_the_console_does_not() {
        let directory = tempfile::tempdir().unwrap();
        let (log, written) = log(Level::Error);
        log.redactor().hide("hunter22");
        log.add_to_head(vec!["oc-mirror v0".to_owned()]);
        log.add_to_head(vec!["password: hunter22\u{1b}[2J".to_owned()]);
        log.open(&RootedFolder::at(directory.path()), "oc-mirror.log", false).unwrap();
        let file = std::fs::read_to_string(directory.path().join("oc-mirror.log")).unwrap();
        let expected = "2026/08/01 12:00:05  [INFO]   : oc-mirror v0\n\
                        2026/08/01 12:00:05  [INFO]   : password: [redacted]\\u{1b}[2J\n";
        assert_eq!(file, expected);
        assert_eq!(written.stdout() + &written.stderr(), "");
    }

    #[test]
    fn a_log_is_not_written_through_a_link() {
        let directory = tempfile::tempdir().unwrap();
        let target = directory.path().join("target");
        std::fs::write(&target, "mine").unwrap();
        std::os::unix::fs::symlink(&target, directory.path().join("log")).unwrap();
        let (log, _) = log(Level::Info);
        let error = log.open(&RootedFolder::at(directory.path()), "log", false).unwrap_err();
        assert!(error.to_string().ends_with("remove the link and run again"), "{error}");
        assert_eq!(std::fs::read_to_string(target).unwrap(), "mine");
    }

    #[test]
    fn with_a_machine_readable_answer_the_log_stays_on_stderr() {
        let directory = tempfile::tempdir().unwrap();
        let (log, written) = log(Level::Info);
        log.open(&RootedFolder::at(directory.path()), "log", true).unwrap();
        log.info("during");
        log.with_stdout(|stdout| writeln!(stdout, "{{}}"));
        assert_eq!(written.stdout(), "{}\n");
        assert!(written.stderr().ends_with(": during\n"));
    }

    #[test]
    fn secrets_do_not_pass() {
        let (log, written) = log(Level::Trace);
        log.redactor().hide("hunter2");
        log.debug("password hunter2 for https://user:other@reg.lan/v2/");
        assert!(written.stderr().ends_with(": password [redacted] for https://[redacted]@reg.lan/v2/\n"));
    }

    #[test]
    fn a_curtain_is_drawn_aside() {
        struct Count(std::sync::atomic::AtomicUsize);
        impl Curtain for Count {
            fn part(&self, print: &mut dyn FnMut()) {
                self.0.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
                print();
            }
        }
        let (log, written) = log(Level::Info);
        let curtain = Arc::new(Count(0.into()));
        log.set_curtain(Some(curtain.clone()));
        log.info("one");
        log.set_curtain(None);
        log.info("two");
        assert_eq!(curtain.0.load(std::sync::atomic::Ordering::Relaxed), 1);
        assert_eq!(written.stderr().lines().count(), 2);
    }
}
