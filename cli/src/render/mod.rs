//! What a person sees of a run: log lines, live progress, and the closing line. The engine tells, this module draws.

mod escape;
mod line;
mod live;
mod meter;
mod next;
mod releases;
mod report;
mod screen;
mod table;
mod treemap;
mod words;

pub use mirror_engine::size;
pub use next::next_step;
pub use releases::update_words;
pub use report::{html, totals};
pub use screen::{HEARTBEAT, Screen};
pub use table::table;
pub use words::{closing_line, go_duration, size_lines};
