//! `oc-mirror plan push` and `pull`: plans in registries.

use std::path::Path;
use std::sync::Arc;

use anyhow::{Context as _, anyhow, bail};
use image_ref::ImageRef;
use mirror_engine::Observer;
use mirror_engine::pushed::{self, Pulled};

use super::plan_file;
use super::runtime::Runtime;
use crate::access::Clients;
use crate::log::Log;
use crate::render::{HEARTBEAT, Screen};
use crate::settings::{Settings, signature_of};

/// Pushes a plan, and tells its name by digest.
pub(super) fn push(settings: &Settings, plan: &Path, to: &ImageRef, log: &Log) -> anyhow::Result<()> {
    let bytes = plan_file::read_bytes(plan)?;
    let document = plan_file::parse(plan, &bytes)?;
    if !document.files.is_empty() {
        log.warn(
            "⚠️  the archive of this plan carries files of the working directory, which are not pushed: the plan can be \
             applied only where it was made",
        );
    }
    let signature = signature_of(plan);
    let signature = match std::fs::read(&signature) {
        Ok(bytes) => Some(bytes),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => None,
        Err(error) => return Err(error).with_context(|| format!("cannot read `{}`", signature.display())),
    };
    let (clients, cache) = (Clients::new(&settings.common, log)?, settings.common.cache());
    let runtime = Runtime::new(&clients)?;
    let pushing = pushed::push(&clients.destination, cache, &document, bytes, signature, to);
    let name = runtime.block_on(pushing).map_err(|error| anyhow!("cannot push the plan to `{to}`: {error}"))?;
    log.info(format_args!("the plan {} is `{}`", document.id, name.with_scheme()));
    Ok(())
}

/// Pulls a plan to a file.
pub(super) fn pull(settings: &Settings, from: &ImageRef, out: &Path, log: &Log) -> anyhow::Result<()> {
    let pulled = fetch(settings, from, None, log)?;
    std::fs::write(out, &pulled.text).with_context(|| format!("cannot write the plan `{}`", out.display()))?;
    if let Some(signature) = &pulled.signature {
        let place = signature_of(out);
        std::fs::write(&place, signature).with_context(|| format!("cannot write `{}`", place.display()))?;
    }
    log.info(format_args!("the plan `{}` is in `{}`", pulled.name.with_scheme(), out.display()));
    Ok(())
}

/// Brings a plan, and what oc-mirror built for it, into the cache. A signature is verified before anything is kept.
pub(super) fn fetch(settings: &Settings, from: &ImageRef, key: Option<&Path>, log: &Log) -> anyhow::Result<Pulled> {
    let clients = Clients::new(&settings.common, log)?;
    let runtime = Runtime::new(&clients)?;
    let accept = |pulled: &Pulled| {
        let name = pulled.name.with_scheme();
        if let Some(key) = key {
            let Some(signature) = &pulled.signature else {
                bail!("the plan `{name}` has no signature; sign the plan before `oc-mirror plan push`");
            };
            plan_file::verify_text(&pulled.text, &name, key, &String::from_utf8_lossy(signature))?;
        }
        plan_file::parse(Path::new(&name), &pulled.text)
    };
    let observer = Screen::new(log.clone(), false, HEARTBEAT) as Arc<dyn Observer>;
    let cache = settings.common.cache();
    let pulling = pushed::pull(&clients.destination, cache, from, &observer, |pulled| {
        accept(pulled).map_err(|error| format!("{error:#}"))
    });
    runtime.block_on(pulling).map_err(|error| anyhow!("cannot pull the plan `{}`: {error}", from.with_scheme()))
}
