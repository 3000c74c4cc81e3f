//! What one catalog holds, for commands that show it.

use std::sync::Arc;

use image_ref::ImageRef;
use mirror_engine::{Observer, list};

use super::runtime::Runtime;
use crate::access::Clients;
use crate::log::Log;
use crate::render::{HEARTBEAT, Screen};
use crate::settings::Settings;

/// Reads what one catalog holds.
pub(super) fn contents(settings: &Settings, catalog: &ImageRef, log: &Log) -> anyhow::Result<list::CatalogContents> {
    let common = &settings.common;
    let clients = Clients::new(common, log)?;
    let keep = list::Keep {
        cache: common.cache().to_owned(),
        temporary: common.env.temp_dir.clone(),
        started: common.env.started.timestamp().to_string(),
    };
    let observer = Screen::new(log.clone(), false, HEARTBEAT) as Arc<dyn Observer>;
    Ok(Runtime::new(&clients)?.block_on(list::catalog_contents(&clients.source, catalog, &keep, &observer))?)
}
