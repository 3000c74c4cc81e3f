//! Flags that every command accepts (`docs/behaviour/config-cli.md` 2.3, "Persistent").

use std::path::PathBuf;
use std::time::Duration;

use clap::Args;

use super::Switch;

/// Flags that every command accepts.
#[derive(Debug, Args)]
#[command(next_help_heading = "Flags of every command")]
pub struct PersistentArgs {
    /// Read registry credentials from this file
    ///
    /// They are for both sides. Without the flag: `$REGISTRY_AUTH_FILE`, else the places of containers-auth.json(5),
    /// `$XDG_RUNTIME_DIR/containers/auth.json` first.
    #[arg(long, global = true, value_name = "FILE")]
    pub authfile: Option<PathBuf>,
    /// Keep the cache `.oc-mirror/.cache` below DIR
    ///
    /// Without the flag: below `$OC_MIRROR_CACHE`, else `$HOME`.
    #[arg(long, global = true, value_name = "DIR")]
    pub cache_dir: Option<PathBuf>,
    /// The configuration; `oc-mirror init` prints one
    #[arg(short, long, global = true, value_name = "FILE")]
    pub config: Option<PathBuf>,
    /// Log level: info, debug, trace, error
    #[arg(long, alias = "loglevel", global = true, default_value = "info", value_name = "LEVEL")]
    pub log_level: String,
    /// When to colour lines
    #[arg(long, global = true, value_enum, default_value_t, value_name = "WHEN")]
    pub color: crate::colour::When,
    /// Keep resources and logs in this folder, `file://DIR`
    #[arg(long, global = true, value_name = "URL")]
    pub workspace: Option<String>,
    /// Compatibility: port number written to mapping.txt; nothing listens
    #[arg(short, long, global = true, default_value_t = 55000)]
    pub port: u16,
    /// Copy so many images at a time, 1 to 10
    #[arg(long, global = true, default_value_t = 4, value_name = "N")]
    pub parallel_images: u32,
    /// Copy so many layers of an image at a time, 1 to 10
    #[arg(long, global = true, default_value_t = 5, value_name = "N")]
    pub parallel_layers: u32,
    /// Trust policy file; enforced with --secure-policy
    #[arg(long, global = true, value_name = "FILE")]
    pub policy: Option<PathBuf>,
    /// Start from the signature storage configuration in this folder
    #[arg(long = "registries.d", global = true, value_name = "DIR")]
    pub registries_d: Option<PathBuf>,
    /// Try a failed request, check or deletion again so many times
    #[arg(long, global = true, default_value_t = 5, value_name = "N")]
    pub retry_times: i64,
    /// Pause between attempts; 0 means 1s, 2s, 4s and so on
    #[arg(long, global = true, default_value = "0", value_name = "DURATION", value_parser = crate::duration::parse)]
    pub retry_delay: Duration,
    /// Move at most so many bytes per second: 20M is 20 MiB
    ///
    /// All downloads and uploads of the run count together. Without --image-timeout an image may then take any time.
    #[arg(long, global = true, value_name = "RATE", value_parser = crate::rate::parse)]
    pub limit_rate: Option<u64>,
    /// Verify source registries' TLS
    ///
    /// `--src-tls-verify=false` accepts any certificate, and plain HTTP.
    #[arg(long, global = true, default_value = "true")]
    pub src_tls_verify: Switch,
    /// Verify the destination's TLS
    ///
    /// `--dest-tls-verify=false` accepts any certificate, and plain HTTP.
    #[arg(long, global = true, default_value = "true")]
    pub dest_tls_verify: Switch,

    /// Accepted for scripts written for oc-mirror v2; this is v2 anyway
    #[arg(long, global = true, hide = true, default_value = "false")]
    pub v2: Switch,
    /// Write a CPU profile; accepted, without effect
    #[arg(long, global = true, hide = true, default_value = "false")]
    pub cpu_prof: Switch,
    /// Write a memory profile; accepted, without effect
    #[arg(long, global = true, hide = true, default_value = "false")]
    pub mem_prof: Switch,
    /// Accepted for compatibility; ignored
    #[arg(long, global = true, hide = true)]
    pub tls_verify: Option<Switch>,

    /// Which flags were given, whatever they say.
    #[arg(skip)]
    pub given: Given,

    /// Access to source registries.
    #[command(flatten)]
    pub source: SourceArgs,
    /// Access to the destination registry.
    #[command(flatten)]
    pub destination: DestinationArgs,
}

/// One side's access flags, without prefix. Borrowed from `SourceArgs` or `DestinationArgs`.
#[derive(Clone, Copy)]
#[expect(missing_docs, reason = "each field is the flag of the same name")]
pub struct SideArgs<'a> {
    pub authfile: Option<&'a PathBuf>,
    pub creds: Option<&'a str>,
    pub username: Option<&'a str>,
    pub password: Option<&'a str>,
    pub registry_token: Option<&'a str>,
    pub cert_dir: Option<&'a PathBuf>,
    pub no_creds: bool,
    pub shared_blob_dir: Option<&'a PathBuf>,
    pub daemon_host: Option<&'a str>,
    pub tls_verify: bool,
    /// Whether it was typed.
    pub tls_given: bool,
}

impl std::fmt::Debug for SideArgs<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("SideArgs").field("authfile", &self.authfile).finish_non_exhaustive()
    }
}

/// Declares the access flags of one side; they are hidden, as upstream hides them.
macro_rules! side {
    ($name:ident, $doc:literal, $prefix:literal, $creds_alias:literal) => {
        #[doc = $doc]
        #[derive(Args)]
        #[group(skip)]
        pub struct $name {
            // Each field is the flag of the same name, see `docs/behaviour/config-cli.md` 2.3.
            #[arg(id = concat!($prefix, "-authfile"), long = concat!($prefix, "-authfile"), global = true, hide = true)]
            pub authfile: Option<PathBuf>,
            #[arg(id = concat!($prefix, "-creds"), long = concat!($prefix, "-creds"), alias = $creds_alias, global = true, hide = true)]
            pub creds: Option<String>,
            #[arg(id = concat!($prefix, "-username"), long = concat!($prefix, "-username"), global = true, hide = true)]
            pub username: Option<String>,
            #[arg(id = concat!($prefix, "-password"), long = concat!($prefix, "-password"), global = true, hide = true)]
            pub password: Option<String>,
            #[arg(id = concat!($prefix, "-registry-token"), long = concat!($prefix, "-registry-token"), global = true, hide = true)]
            pub registry_token: Option<String>,
            #[arg(id = concat!($prefix, "-cert-dir"), long = concat!($prefix, "-cert-dir"), global = true, hide = true)]
            pub cert_dir: Option<PathBuf>,
            #[arg(id = concat!($prefix, "-no-creds"), long = concat!($prefix, "-no-creds"), global = true, hide = true, default_value = "false")]
            pub no_creds: Switch,
            #[arg(id = concat!($prefix, "-shared-blob-dir"), long = concat!($prefix, "-shared-blob-dir"), global = true, hide = true)]
            pub shared_blob_dir: Option<PathBuf>,
            #[arg(id = concat!($prefix, "-daemon-host"), long = concat!($prefix, "-daemon-host"), global = true, hide = true)]
            pub daemon_host: Option<String>,
        }

        impl std::fmt::Debug for $name {
            /// Without values: some of them are secrets.
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.debug_struct(stringify!($name)).finish_non_exhaustive()
            }
        }

        impl $name {
            fn side(&self, tls_verify: Switch, tls_given: bool) -> SideArgs<'_> {
                SideArgs {
                    authfile: self.authfile.as_ref(),
                    creds: self.creds.as_deref(),
                    username: self.username.as_deref(),
                    password: self.password.as_deref(),
                    registry_token: self.registry_token.as_deref(),
                    cert_dir: self.cert_dir.as_ref(),
                    no_creds: self.no_creds.0,
                    shared_blob_dir: self.shared_blob_dir.as_ref(),
                    daemon_host: self.daemon_host.as_deref(),
                    tls_verify: tls_verify.0,
                    tls_given,
                }
            }
        }
    };
}

side!(SourceArgs, "Hidden access flags of the source side.", "src", "screds");
side!(DestinationSideArgs, "Hidden access flags of the destination side.", "dest", "dcreds");

/// Hidden access flags of the destination side, and those that are parsed without effect.
#[derive(Debug, Args)]
#[group(skip)]
pub struct DestinationArgs {
    /// Access to the destination registry.
    #[command(flatten)]
    pub side: DestinationSideArgs,
    /// Accepted for compatibility; ignored
    #[arg(long, global = true, hide = true, default_value = "false")]
    pub dest_compress: Switch,
    /// Accepted for compatibility; ignored
    #[arg(long, global = true, hide = true, default_value = "false")]
    pub dest_decompress: Switch,
    /// Accepted for compatibility; ignored
    #[arg(long, global = true, hide = true, default_value = "false")]
    pub dest_oci_accept_uncompressed_layers: Switch,
    /// Accepted for compatibility; ignored
    #[arg(long, global = true, hide = true)]
    pub dest_compress_format: Option<String>,
    /// Accepted for compatibility; ignored
    #[arg(long, global = true, hide = true)]
    pub dest_compress_level: Option<i64>,
    /// Accepted for compatibility; ignored
    #[arg(long, global = true, hide = true, default_value = "false")]
    pub dest_precompute_digests: Switch,
}

impl PersistentArgs {
    /// Access flags of the source side.
    pub fn source_side(&self) -> SideArgs<'_> {
        self.source.side(self.src_tls_verify, self.given.src_tls_verify)
    }

    /// Access flags of the destination side.
    pub fn destination_side(&self) -> SideArgs<'_> {
        self.destination.side.side(self.dest_tls_verify, self.given.dest_tls_verify)
    }
}

/// Flags of which it matters whether somebody gave them.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Given {
    /// `--retry-times` or `--retry-delay`.
    pub retries: bool,
    /// `--src-tls-verify`.
    pub src_tls_verify: bool,
    /// `--dest-tls-verify`.
    pub dest_tls_verify: bool,
    /// `--image-timeout`, a flag of mirroring.
    pub image_timeout: bool,
}

impl Given {
    /// Looks at what was typed.
    pub(super) fn of(matches: &clap::ArgMatches) -> Self {
        let given = |id: &str| matches.value_source(id) == Some(clap::parser::ValueSource::CommandLine);
        Self {
            retries: given("retry_times") || given("retry_delay"),
            src_tls_verify: given("src_tls_verify"),
            dest_tls_verify: given("dest_tls_verify"),
            image_timeout: matches.try_contains_id("image_timeout").is_ok() && given("image_timeout"),
        }
    }
}
