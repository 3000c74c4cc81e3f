//! What every end-to-end test needs: a home of its own, the binary, and its answer.

pub(crate) mod medium;
pub(crate) mod network;
pub(crate) mod resources;
pub(crate) mod small_disk;
pub(crate) mod tunnel;

use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use tempfile::TempDir;

use crate::result_schema;

/// A fresh home directory: cache, workspace and files of one test, gone with it.
pub(crate) struct Home {
    dir: TempDir,
    variables: Vec<(String, String)>,
    /// The network namespace in which the program runs; none for that of the test.
    machine: Option<String>,
}

impl Home {
    pub(crate) fn new() -> Self {
        Self { dir: tempfile::tempdir().unwrap(), variables: Vec::new(), machine: None }
    }

    /// Sets an environment variable for every run.
    pub(crate) fn variable(mut self, name: &str, value: impl AsRef<Path>) -> Self {
        self.variables.push((name.into(), value.as_ref().to_str().unwrap().into()));
        self
    }

    /// The home of a machine with a network of its own.
    pub(crate) fn on_machine(mut self, name: &str) -> Self {
        self.machine = Some(name.to_owned());
        self
    }

    pub(crate) fn path(&self) -> &Path {
        self.dir.path()
    }

    /// The folder of archives and working directory.
    pub(crate) fn disk(&self) -> PathBuf {
        self.path().join("disk")
    }

    pub(crate) fn cache(&self) -> PathBuf {
        self.path().join(".oc-mirror/.cache")
    }

    pub(crate) fn write(&self, name: &str, text: impl AsRef<[u8]>) -> PathBuf {
        let path = self.path().join(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(&path, text).unwrap();
        path
    }

    /// Writes an ImageSetConfiguration whose `mirror` stanza is `body`, which is indented as needed.
    pub(crate) fn configuration(&self, body: &str) -> PathBuf {
        let mut text = "kind: ImageSetConfiguration\napiVersion: mirror.openshift.io/v2alpha1\nmirror:\n".to_owned();
        for line in body.lines() {
            writeln!(text, "  {line}").unwrap();
        }
        self.write("isc.yaml", text)
    }

    /// A configuration of additional images.
    pub(crate) fn additional_images<S: AsRef<str>>(&self, names: impl IntoIterator<Item = S>) -> PathBuf {
        let mut body = "additionalImages:\n".to_owned();
        for name in names {
            writeln!(body, "- name: {}", name.as_ref()).unwrap();
        }
        self.configuration(&body)
    }

    /// The command, not yet started, with nothing of the caller's environment but the search path.
    pub(crate) fn command(&self, args: &[&str]) -> Command {
        let binary = env!("CARGO_BIN_EXE_oc-mirror");
        let mut command = match &self.machine {
            None => Command::new(binary),
            // It becomes the program, so who kills it kills the program.
            Some(name) => {
                let mut command = Command::new("ip");
                command.args(["netns", "exec", name, binary]);
                command
            }
        };
        command.args(args).current_dir(self.path()).env_clear();
        command.env("HOME", self.path()).env("PATH", test_path()).env("TZ", "UTC");
        command.envs(self.variables.iter().map(|(name, value)| (name, value)));
        command.stdin(Stdio::null());
        command
    }

    #[track_caller]
    pub(crate) fn run(&self, args: &[&str]) -> Outcome {
        self.outcome(&self.command(args).output().unwrap())
    }

    /// What came of a command that was run by hand.
    #[track_caller]
    pub(crate) fn outcome(&self, output: &std::process::Output) -> Outcome {
        result_schema::check(&String::from_utf8_lossy(&output.stdout));
        Outcome {
            code: output.status.code(),
            stdout: String::from_utf8_lossy(&output.stdout).into_owned(),
            stderr: String::from_utf8_lossy(&output.stderr).into_owned(),
            home: self.path().display().to_string(),
        }
    }

    /// Writes `auth.json` with these credentials for `host` and returns its path.
    pub(crate) fn auth_file(&self, host: &str, user: &str, password: &str) -> String {
        let login = format!("{user}:{password}");
        self.write("auth.json", auths(&[(host, &login)])).display().to_string()
    }

    /// Every file of this home, by path relative to it, sorted.
    pub(crate) fn files(&self) -> Vec<String> {
        let relative = |path: PathBuf| path.strip_prefix(self.path()).unwrap().display().to_string();
        let mut names: Vec<String> = walk(self.path()).into_iter().map(relative).collect();
        names.sort();
        names
    }

    /// Asserts that every blob under its final name in the cache has the content of that name.
    #[track_caller]
    pub(crate) fn verify_cache(&self) {
        for path in walk(&self.cache().join("docker/registry/v2/blobs/sha256")) {
            let digest = path.parent().unwrap().file_name().unwrap().to_str().unwrap();
            assert_eq!(sha256(&std::fs::read(&path).unwrap()), digest, "{} has other content", path.display());
        }
    }

    /// `text` without what differs from run to run, as [`Outcome::complaints`] shows it.
    pub(crate) fn steady(&self, text: &str) -> String {
        steady(&text.replace(&self.path().display().to_string(), "HOME"))
    }

    /// Mirror to disk, with plain HTTP allowed.
    pub(crate) fn to_disk(&self, more: &[&str]) -> Outcome {
        let disk = format!("file://{}", self.disk().display());
        let mut args = vec!["-c", "isc.yaml", disk.as_str(), "--src-tls-verify=false", "--retry-delay=10ms"];
        args.extend(more);
        self.run(&args)
    }

    /// Disk to mirror, with plain HTTP allowed. Resources that are there afterwards are checked.
    pub(crate) fn to_mirror(&self, destination: &str, more: &[&str]) -> Outcome {
        let (disk, destination) = (format!("file://{}", self.disk().display()), format!("docker://{destination}"));
        let mut args = vec![
            "-c",
            "isc.yaml",
            "--from",
            disk.as_str(),
            destination.as_str(),
            "--dest-tls-verify=false",
            "--retry-delay=10ms",
        ];
        args.extend(more);
        let outcome = self.run(&args);
        resources::read(&self.disk().join("working-dir"));
        outcome
    }

    /// The folder that mirror to mirror works in.
    pub(crate) fn workspace(&self) -> PathBuf {
        self.path().join("workspace")
    }

    /// Mirror to mirror, with plain HTTP allowed. Resources that are there afterwards are checked.
    pub(crate) fn mirror_to_mirror(&self, destination: &str, more: &[&str]) -> Outcome {
        let workspace = format!("file://{}", self.workspace().display());
        let destination = format!("docker://{destination}");
        let mut args = vec![
            "-c",
            "isc.yaml",
            "--workspace",
            workspace.as_str(),
            destination.as_str(),
            "--src-tls-verify=false",
            "--dest-tls-verify=false",
            "--retry-delay=10ms",
        ];
        args.extend(more);
        let outcome = self.run(&args);
        resources::read(&self.workspace().join("working-dir"));
        outcome
    }

    /// What the result document of the latest mirror to disk counts as requests of a side to a host.
    pub(crate) fn requests(&self, side: &str, host: &str) -> serde_json::Value {
        let logs = self.disk().join("working-dir/logs");
        let documents = walk(&logs).into_iter().filter(|path| path.extension().is_some_and(|end| end == "json"));
        let text = std::fs::read(documents.max().expect("a result document")).expect("it can be read");
        let document: serde_json::Value = serde_json::from_slice(&text).expect("it is JSON");
        let counts = document["requests"].as_array().expect("requests are listed");
        let found = counts.iter().find(|entry| entry["side"] == side && entry["host"] == host);
        found.cloned().unwrap_or_default()
    }

    /// Names of the archive's files.
    pub(crate) fn archives(&self) -> Vec<String> {
        let mut names: Vec<String> = std::fs::read_dir(self.disk())
            .unwrap()
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .filter(|name| name.contains("mirror_"))
            .collect();
        names.sort();
        names
    }

    /// Entry names of an archive, as `tar` lists them.
    pub(crate) fn entries(&self, archive: &str) -> Vec<String> {
        let output = Command::new("tar").arg("tf").arg(self.disk().join(archive)).output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).unwrap().lines().map(str::to_owned).collect()
    }
}

#[expect(clippy::disallowed_methods, reason = "tests need `tar`, `skopeo` and friends")]
fn test_path() -> std::ffi::OsString {
    std::env::var_os("PATH").unwrap_or_default()
}

/// How a run ended.
#[derive(Debug)]
pub(crate) struct Outcome {
    pub(crate) code: Option<i32>,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
    home: String,
}

impl Outcome {
    /// Panics with everything the run said unless it ended with this exit code.
    #[track_caller]
    pub(crate) fn code(&self, expected: i32) -> &Self {
        assert_eq!(self.code, Some(expected), "\nstdout:\n{}\nstderr:\n{}", self.stdout, self.stderr);
        self
    }

    #[track_caller]
    pub(crate) fn says(&self, text: &str) -> &Self {
        let all = plain(&format!("{}{}", self.stdout, self.stderr));
        assert!(all.contains(text), "nothing says {text:?}:\n{all}");
        self
    }

    /// The first line with this text, on either stream.
    pub(crate) fn line_with(&self, text: &str) -> Option<String> {
        let all = plain(&format!("{}{}", self.stderr, self.stdout));
        all.lines().find(|line| line.contains(text)).map(str::to_owned)
    }

    /// Only the lines of errors and warnings, on both streams, without time, colour, ports, paths of this machine and
    /// hexadecimal digests.
    pub(crate) fn complaints(&self) -> String {
        let all = plain(&format!("{}{}", self.stderr, self.stdout)).replace(&self.home, "HOME");
        let mut complaints = String::new();
        let mut inside = false;
        for line in all.lines() {
            let is_log_line = line.get(20..).is_some_and(|rest| rest.contains("] ")) && line.starts_with("20");
            if is_log_line {
                inside = line.contains("[ERROR]") || line.contains("[WARN]");
            }
            if inside {
                let text = if is_log_line { line[20..].trim_start() } else { line };
                // Its sizes and its day differ from run to run.
                let text = text.split_inclusive("The new archive replaces").next().unwrap_or(text);
                complaints.push_str(&steady(text));
                complaints.push('\n');
            }
        }
        complaints
    }
}

/// Text without ANSI colours.
pub(crate) fn plain(text: &str) -> String {
    let mut plain = String::with_capacity(text.len());
    let mut chars = text.chars();
    while let Some(char) = chars.next() {
        if char == '\u{1b}' {
            for inner in chars.by_ref() {
                if inner.is_ascii_alphabetic() {
                    break;
                }
            }
        } else {
            plain.push(char);
        }
    }
    plain
}

/// Every file below a folder; links are not followed.
pub(crate) fn walk(folder: &Path) -> Vec<PathBuf> {
    let Ok(entries) = std::fs::read_dir(folder) else { return Vec::new() };
    entries
        .flat_map(|entry| {
            let path = entry.unwrap().path();
            if path.is_dir() && !path.is_symlink() { walk(&path) } else { vec![path] }
        })
        .collect()
}

/// SHA-256 in hexadecimal digits.
pub(crate) fn sha256(bytes: &[u8]) -> String {
    use sha2::Digest as _;
    sha2::Sha256::digest(bytes).iter().fold(String::new(), |mut hex, byte| {
        write!(hex, "{byte:02x}").unwrap();
        hex
    })
}

/// An auth file with a login, `user:password`, for each place: a registry, or a namespace in one.
pub(crate) fn auths(logins: &[(&str, &str)]) -> String {
    let entries = logins.iter().map(|(place, login)| format!("\"{place}\": {{\"auth\": \"{}\"}}", base64(login)));
    format!("{{\"auths\": {{{}}}}}", entries.collect::<Vec<_>>().join(", "))
}

pub(crate) fn base64(bytes: impl AsRef<[u8]>) -> String {
    const LETTERS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut encoded = String::new();
    for three in bytes.as_ref().chunks(3) {
        let bits = three.iter().fold(0_u32, |bits, byte| bits << 8 | u32::from(*byte)) << (8 * (3 - three.len()));
        for at in 0..4 {
            let letter = LETTERS[(bits >> (18 - 6 * at) & 63) as usize];
            encoded.push(if at <= three.len() { char::from(letter) } else { '=' });
        }
    }
    encoded
}

/// Waits until `happened`, at most a minute.
#[track_caller]
pub(crate) fn wait_for(what: &str, happened: impl Fn() -> bool) {
    for _ in 0..6000 {
        if happened() {
            return;
        }
        std::thread::sleep(std::time::Duration::from_millis(10));
    }
    panic!("waited a minute for {what}");
}

/// Replaces what differs from run to run: loopback ports, digests, timestamps in file names, process numbers.
fn steady(text: &str) -> String {
    let mut steady = String::new();
    let mut rest = text;
    while let Some(at) = rest.find("127.0.0.1:") {
        let (before, after) = rest.split_at(at + "127.0.0.1:".len());
        steady.push_str(before);
        steady.push_str("PORT");
        rest = after.trim_start_matches(|c: char| c.is_ascii_digit());
    }
    steady.push_str(rest);
    let words: Vec<_> = steady.split(' ').map(|word| shorten(&without_moment(word))).collect();
    words.join(" ")
}

/// Replaces a moment at the start of a word, such as `2026-08-01T10:20:30Z:`.
fn without_moment(word: &str) -> String {
    let shape: String = word.chars().take(20).map(|c| if c.is_ascii_digit() { '0' } else { c }).collect();
    if shape == "0000-00-00T00:00:00Z" { format!("MOMENT{}", &word[20..]) } else { word.to_owned() }
}

/// Cuts runs of 64 hexadecimal digits and of timestamps.
fn shorten(word: &str) -> String {
    let mut out = String::new();
    let mut run = String::new();
    let flush = |run: &mut String, out: &mut String| {
        match run.len() {
            64 => out.push_str("HEX"),
            15 if run.as_bytes()[8] == b'_' => out.push_str("TIME"),
            _ => out.push_str(run),
        }
        run.clear();
    };
    for char in word.chars() {
        let in_time = char == '_' && run.len() == 8 && run.bytes().all(|b| b.is_ascii_digit());
        if matches!(char, '0'..='9' | 'a'..='f') || in_time {
            run.push(char);
        } else {
            flush(&mut run, &mut out);
            out.push(char);
        }
    }
    flush(&mut run, &mut out);
    out
}
