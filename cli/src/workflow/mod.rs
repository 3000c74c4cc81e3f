//! The run itself: settings in, engine at work, exit status out. One page per command; commands do not use each
//! other, and what they share has a page of its own: `configuration`, `job`, `document`, `logs`, `catalog`, `runtime`.

mod apply;
mod archive;
mod catalog;
mod configuration;
mod delete;
mod describe;
mod doctor;
mod document;
mod helm_images;
mod interrupt;
mod job;
mod jobs;
mod list;
mod logs;
mod mirror;
mod plan;
mod plan_file;
mod plan_push;
mod runtime;
mod start;
mod why;

pub(crate) use self::apply::run as apply;
pub(crate) use self::archive::{list as archive_list, verify as archive_verify};
pub(crate) use self::delete::run as delete;
pub(crate) use self::describe::run as describe;
pub(crate) use self::doctor::run as doctor;
pub(crate) use self::helm_images::run as list_helm_images;
pub(crate) use self::jobs::run as jobs;
pub(crate) use self::list::{operators as list_operators, releases as list_releases};
pub(crate) use self::mirror::run as mirror;
pub(crate) use self::plan::run as plan;
pub(crate) use self::start::{init, schema};
pub(crate) use self::why::run as why;
