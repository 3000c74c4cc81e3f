//! What version this is, in the shapes that `oc` and its plugins print (`docs/behaviour/config-cli.md` 2.7).

use std::fmt::Write as _;

/// The version in the form `v1.2.3`. Also written into archives and onto cluster resources.
pub const GIT_VERSION: &str = concat!("v", env!("CARGO_PKG_VERSION"));

/// The commit this was built from; empty when the build did not know it.
pub const GIT_COMMIT: &str = env!("OC_MIRROR_GIT_COMMIT");

/// The target that this was built for, as rustc names it: `x86_64-unknown-linux-musl`.
pub const TARGET: &str = env!("OC_MIRROR_TARGET");

/// What `--version` prints behind the program's name.
pub const LINE: &str = if GIT_COMMIT.is_empty() {
    concat!("version v", env!("CARGO_PKG_VERSION"), " (", env!("OC_MIRROR_TARGET"), ")")
} else {
    concat!(
        "version v",
        env!("CARGO_PKG_VERSION"),
        " (commit ",
        env!("OC_MIRROR_SHORT_COMMIT"),
        ", ",
        env!("OC_MIRROR_TARGET"),
        ")"
    )
};

/// Version, commit and target in one line, for people who read a log.
pub fn line() -> String {
    let commit = if GIT_COMMIT.is_empty() { "unknown" } else { GIT_COMMIT };
    format!("oc-mirror {GIT_VERSION}, commit {commit}, target {TARGET}")
}

const GIT_TREE_STATE: &str = match option_env!("OC_MIRROR_GIT_TREE_STATE") {
    Some(state) => state,
    None => "",
};

const BUILD_DATE: &str = match option_env!("OC_MIRROR_BUILD_DATE") {
    Some(date) => date,
    None => "",
};

/// How `version` was asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Request {
    /// One long line, with a notice that it will change.
    Default,
    /// The version alone, with a notice that the flag will go.
    Short,
    /// JSON, two blanks of indentation.
    Json,
    /// YAML, keys sorted.
    Yaml,
}

/// An answer and the notice that goes with it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answer {
    /// For standard output.
    pub stdout: String,
    /// For standard error; often empty.
    pub stderr: String,
}

/// Answers the `version` command.
pub fn render(request: Request) -> Answer {
    let facts = facts();
    let mut stdout = String::new();
    let stderr = match request {
        Request::Default => {
            let fields: Vec<_> = facts
                .iter()
                .map(|(key, value)| format!("{}{}:{value:?}", key[..1].to_uppercase(), &key[1..]))
                .collect();
            stdout = format!("Client Version: version.Info{{{}}}\n", fields.join(", "));
            "WARNING: This version information is deprecated and will be replaced with the output from --short. \
             Use --output=yaml|json to get the full version.\n"
        }
        Request::Short => {
            stdout = format!("Client Version: {GIT_VERSION}\n");
            "Flag --short has been deprecated, and will be removed in the future. \
             The --short output will become the default.\n"
        }
        Request::Json => {
            let fields: Vec<_> = facts.iter().map(|(key, value)| format!("    {key:?}: {value:?}")).collect();
            stdout = format!("{{\n  \"clientVersion\": {{\n{}\n  }}\n}}\n", fields.join(",\n"));
            ""
        }
        Request::Yaml => {
            let mut sorted = facts;
            sorted.sort_unstable();
            stdout.push_str("clientVersion:\n");
            for (key, value) in sorted {
                // Quoted where YAML would read something else than the text: nothing, a number, a date.
                let plain = value.starts_with(|c: char| c.is_ascii_alphabetic()) && !value.contains([':', '#']);
                let _ =
                    if plain { writeln!(stdout, "  {key}: {value}") } else { writeln!(stdout, "  {key}: {value:?}") };
            }
            stdout.push('\n');
            ""
        }
    };
    Answer { stdout, stderr: stderr.to_owned() }
}

/// The keys of `version.Info`, in its order, and the target. There is no Go in here, and `goVersion` says so.
fn facts() -> [(&'static str, String); 10] {
    [
        ("major", String::new()),
        ("minor", String::new()),
        ("gitVersion", GIT_VERSION.to_owned()),
        ("gitCommit", GIT_COMMIT.to_owned()),
        ("gitTreeState", GIT_TREE_STATE.to_owned()),
        ("buildDate", BUILD_DATE.to_owned()),
        ("goVersion", "none".to_owned()),
        ("compiler", "rustc".to_owned()),
        ("platform", format!("{}/{}", std::env::consts::OS, architecture())),
        ("target", TARGET.to_owned()),
    ]
}

/// The architecture in Go's words, which are those of image manifests.
fn architecture() -> &'static str {
    match std::env::consts::ARCH {
        "x86_64" => "amd64",
        "aarch64" => "arm64",
        "powerpc64" => "ppc64le",
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_line() {
        let line = line();
        assert!(line.starts_with("oc-mirror v") && line.contains(", commit ") && line.ends_with(TARGET), "{line}");
        assert!(LINE.starts_with("version v") && LINE.contains(TARGET), "{LINE}");
    }

    #[test]
    fn every_shape() {
        let mut text = String::new();
        for request in [Request::Default, Request::Short, Request::Json, Request::Yaml] {
            let answer = render(request);
            let _ = write!(text, "# {request:?}\n{}{}<end>\n", answer.stderr, answer.stdout);
        }
        let text = text
            .replace(GIT_VERSION, "v0.0.0")
            .replace(TARGET, "TARGET")
            .replace(&facts()[8].1, "linux/amd64")
            .replace(&format!("{GIT_COMMIT:?}"), "\"\"");
        insta::assert_snapshot!(text, @r#"
        # Default
        WARNING: This version information is deprecated and will be replaced with the output from --short. Use --output=yaml|json to get the full version.
        Client Version: version.Info{Major:"", Minor:"", GitVersion:"v0.0.0", GitCommit:"", GitTreeState:"", BuildDate:"", GoVersion:"none", Compiler:"rustc", Platform:"linux/amd64", Target:"TARGET"}
        <end>
        # Short
        Flag --short has been deprecated, and will be removed in the future. The --short output will become the default.
        Client Version: v0.0.0
        <end>
        # Json
        {
          "clientVersion": {
            "major": "",
            "minor": "",
            "gitVersion": "v0.0.0",
            "gitCommit": "",
            "gitTreeState": "",
            "buildDate": "",
            "goVersion": "none",
            "compiler": "rustc",
            "platform": "linux/amd64",
            "target": "TARGET"
          }
        }
        <end>
        # Yaml
        clientVersion:
          buildDate: ""
          compiler: rustc
          gitCommit: ""
          gitTreeState: ""
          gitVersion: v0.0.0
          goVersion: none
          major: ""
          minor: ""
          platform: linux/amd64
          target: TARGET

        <end>
        "#);
    }
}
