//! The text of the document: its canonical form, its `id`, and what is refused.
//!
//! The text is JSON with one space of indentation and the members in a fixed order. The `id` is the SHA-256 of the text
//! without the three lines that differ between two hosts which found the same: `id`, `created` and `tool`. So `grep` and
//! `sha256sum` can check it, and nothing else of the text can change unseen, members of later versions included.

use std::collections::HashSet;

use image_ref::{Algorithm, Digest, Hasher};
use serde::Deserialize;

use crate::model::{Document, FORMAT, KIND, Totals};
use crate::planned::InvalidPlan;

/// The largest text that is read, in bytes: 256 MiB.
pub const MAX_BYTES: u64 = 256 * 1024 * 1024;

/// The largest number of blobs.
pub const MAX_BLOBS: usize = 2_000_000;

/// The members that are no part of the `id`, as their lines begin.
const APART: [&str; 3] = [" \"id\": ", " \"created\": ", " \"tool\": "];

/// Why a text is no plan that can be used.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
#[expect(missing_docs, reason = "the message is the documentation")]
pub enum ReadError {
    #[error("the plan has {0} bytes; a plan may have {MAX_BYTES} bytes (256 MiB). Split the configuration")]
    TooLarge(u64),
    #[error("this is no plan: {0}")]
    NoPlan(String),
    #[error("this is a {0}; expected a {KIND}, which `oc-mirror plan` makes")]
    Kind(String),
    #[error(
        "the plan has format {0}; this oc-mirror reads format {FORMAT}. Use the oc-mirror that made the plan, or make \
         the plan again"
    )]
    Format(u64),
    #[error(
        "the id does not match: the plan says {said}, its content gives {found}. The file was changed after it was made. \
         To leave an image out, add the image to `blockedImages` in the configuration and make the plan again"
    )]
    Id { said: Digest, found: Digest },
    #[error("the plan names {0} blobs; a plan may have {MAX_BLOBS} blobs. Split the configuration")]
    Blobs(usize),
    #[error("the plan contradicts itself: {0}. Make the plan again")]
    Invalid(#[from] InvalidPlan),
}

/// What is looked at before all others: a later format may change everything else.
#[derive(Deserialize)]
struct Head {
    kind: Option<String>,
    format: Option<u64>,
}

impl Document {
    /// Reads a plan. Its `id` is compared with its content, and every name in it is looked at.
    ///
    /// # Errors
    /// See [`ReadError`].
    pub fn read(text: &[u8]) -> Result<Self, ReadError> {
        check_size(text.len() as u64)?;
        let head: Head = serde_json::from_slice(text).map_err(|error| ReadError::NoPlan(error.to_string()))?;
        let kind = head.kind.ok_or_else(|| ReadError::NoPlan("it has no `kind`".to_owned()))?;
        if kind != KIND {
            return Err(ReadError::Kind(kind.chars().take(80).collect()));
        }
        let format = head.format.ok_or_else(|| ReadError::NoPlan("it has no `format`".to_owned()))?;
        if format != u64::from(FORMAT) {
            return Err(ReadError::Format(format));
        }
        let document: Self = serde_json::from_slice(text).map_err(|error| ReadError::NoPlan(error.to_string()))?;
        let found = id_of(text);
        if found != document.id {
            return Err(ReadError::Id { said: document.id, found });
        }
        if document.blobs.len() > MAX_BLOBS {
            return Err(ReadError::Blobs(document.blobs.len()));
        }
        document.check()?;
        Ok(document)
    }

    /// Gives the plan its totals and its `id`. Gives the plan and its text.
    #[must_use]
    pub fn seal(mut self) -> (Self, String) {
        self.totals = Totals::of(&self);
        self.id = id_of(self.text().as_bytes());
        let text = self.text();
        (self, text)
    }

    /// The canonical text.
    pub fn text(&self) -> String {
        let mut text = Vec::new();
        let format = serde_json::ser::PrettyFormatter::with_indent(b" ");
        let mut serializer = serde_json::Serializer::with_formatter(&mut text, format);
        serde::Serialize::serialize(self, &mut serializer).expect("a plan has no map with keys other than texts");
        text.push(b'\n');
        String::from_utf8(text).expect("JSON is UTF-8")
    }
}

/// Refuses a text that is too large, before it is read.
///
/// # Errors
/// When `bytes` is more than [`MAX_BYTES`].
fn check_size(bytes: u64) -> Result<(), ReadError> {
    if bytes > MAX_BYTES { Err(ReadError::TooLarge(bytes)) } else { Ok(()) }
}

/// The SHA-256 of the text without the lines of the members that stand apart.
fn id_of(text: &[u8]) -> Digest {
    let mut hasher = Hasher::new(Algorithm::Sha256);
    let mut apart = HashSet::new();
    for line in text.split_inclusive(|byte| *byte == b'\n') {
        if !is_apart(line).is_some_and(|member| apart.insert(member)) {
            hasher.update(line);
        }
    }
    hasher.finish()
}

/// The member whose line this is, of those that stand apart. A line with anything else in it belongs to the content, so that
/// nothing hides there.
fn is_apart(line: &[u8]) -> Option<&'static str> {
    let line = std::str::from_utf8(line).ok()?;
    let (member, value) = APART.into_iter().find_map(|member| Some((member, line.strip_prefix(member)?)))?;
    let value = value.strip_suffix(",\n")?;
    serde_json::from_str::<String>(value).is_ok().then_some(member)
}

#[cfg(test)]
mod tests {
    use mirror_plan::Mode;

    use super::*;
    use crate::shards::tests::world;

    #[track_caller]
    fn refused(text: &str) -> String {
        Document::read(text.as_bytes()).expect_err("the text is refused").to_string()
    }

    #[test]
    fn what_was_written_is_read() {
        let (document, text) = world(7, 12).seal();
        assert_eq!(Document::read(text.as_bytes()).unwrap(), document);
        assert_eq!(document.text(), text);
        let digests = document.totals.blobs;
        assert_eq!(digests, document.blobs.len());
    }

    #[test]
    fn two_hosts_that_found_the_same_have_one_id() {
        let make = |created: &str, tool: &str| {
            let mut document = world(7, 12);
            (document.created, document.tool) = (created.to_owned(), tool.to_owned());
            document.seal()
        };
        let ((one, text_of_one), (other, text_of_other)) =
            (make("2026-01-01T00:00:00Z", "a"), make("", "b \"quoted\""));
        assert_eq!(one.id, other.id);
        assert_ne!(text_of_one, text_of_other);
        for text in [text_of_one, text_of_other] {
            assert_eq!(Document::read(text.as_bytes()).unwrap().id, one.id);
        }
    }

    #[test]
    fn a_changed_text_is_refused() {
        let (document, text) = world(7, 12).seal();
        let digest = document.images[0].digest.as_ref().unwrap().to_string();
        let id = document.id.to_string();
        let rows = [
            // Another image in the place of one that was approved.
            text.replacen(&digest, &format!("sha256:{}", "e".repeat(64)), 1),
            text.replace("docker://reg.lan:5000/m", "docker://evil.lan:5000/m"),
            // Another layout, and a member that was added.
            text.replacen(" \"mode\"", "  \"mode\"", 1),
            text.replacen(" \"mode\"", " \"extra\": 1,\n \"mode\"", 1),
            // Something behind a member that stands apart.
            text.replacen(" \"tool\": \"\",", " \"tool\": \"\", \"extra\": 1,", 1),
            text.replacen(" \"tool\": \"\",", " \"tool\": \"\",\n \"tool\": \"\",", 1),
            text.replace(&id, &format!("sha256:{}", "0".repeat(64))),
        ];
        for (row, changed) in rows.iter().enumerate() {
            assert_ne!(*changed, text, "row {row} changes nothing");
            let error = Document::read(changed.as_bytes()).err();
            assert!(error.is_some(), "row {row} was read");
        }
        assert!(
            refused(&rows[0]).starts_with(&format!("the id does not match: the plan says {id}, its content gives "))
        );
        assert!(
            refused(&rows[0])
                .ends_with("add the image to `blockedImages` in the configuration and make the plan again")
        );
    }

    #[test]
    fn what_is_no_plan_is_named() {
        let (_, text) = Document::new(Mode::MirrorToDisk, "file:///m").seal();
        let rows = [
            ("", "this is no plan: EOF while parsing a value at line 1 column 0"),
            ("[]", "this is no plan: invalid length 0, expected struct Head with 2 elements at line 1 column 2"),
            ("{}", "this is no plan: it has no `kind`"),
            ("{\"kind\": \"Pod\"}", "this is a Pod; expected a MirrorPlan, which `oc-mirror plan` makes"),
            ("{\"kind\": \"MirrorPlan\"}", "this is no plan: it has no `format`"),
            (
                "{\"kind\": \"MirrorPlan\", \"format\": 3, \"images\": 7}",
                "the plan has format 3; this oc-mirror reads format 2. Use the oc-mirror that made the plan, or make the plan \
                 again",
            ),
        ];
        for (text, expected) in rows {
            assert_eq!(refused(text), expected);
        }
        assert!(refused(&text[..text.len() - 4]).starts_with("this is no plan: EOF"));
    }

    #[test]
    fn a_text_that_is_too_large_is_refused_unread() {
        assert!(check_size(MAX_BYTES).is_ok());
        let error = check_size(MAX_BYTES + 1).expect_err("too large").to_string();
        assert_eq!(
            error,
            "the plan has 268435457 bytes; a plan may have 268435456 bytes (256 MiB). Split the configuration"
        );
    }

    #[test]
    fn an_older_reader_ignores_what_a_later_one_adds() {
        let (document, text) = world(3, 4).seal();
        let later = text.replacen(" \"mode\"", " \"added\": {\n  \"id\": \"x\"\n },\n \"mode\"", 1);
        let later = later.replace(&document.id.to_string(), &id_of(later.as_bytes()).to_string());
        let read = Document::read(later.as_bytes()).unwrap();
        assert_eq!(read.images, document.images);
        assert_ne!(read.id, document.id);
    }
}
