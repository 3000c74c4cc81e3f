//! A catalog that was read, in a form that is quick to read again: every document as JSON, with where it stood.
//!
//! A document is one line with a JSON array, `[file, line, document, bytes]`, and that many bytes of text and a line feed
//! after it. Kinds follow each other, in the order of the catalog's fields. Only this crate reads the form, and the form
//! of an older version need not be understood: whoever keeps snapshots reads the catalog again then.

use std::io::{self, Write};
use std::sync::Arc;

use serde_json::value::RawValue;

use crate::catalog::{Blob, Catalog, Origin};
use crate::read::add;

/// Stands at the beginning; changes with the form, and with what is read out of a document.
const HEADER: &str = "fbc-catalog snapshot 1\n";

impl Catalog {
    /// Writes what [`Catalog::from_snapshot`] reads.
    ///
    /// The documents are written as they were read: changes that were made to the fields since are not in it.
    ///
    /// # Errors
    /// What `out` says.
    pub fn write_snapshot(&self, mut out: impl Write) -> io::Result<()> {
        out.write_all(HEADER.as_bytes())?;
        let packages = self.packages.iter().map(|package| &package.blob);
        let channels = self.channels.iter().map(|channel| &channel.blob);
        let bundles = self.bundles.iter().map(|bundle| &bundle.blob);
        let deprecations = self.deprecations.iter().map(|deprecations| &deprecations.blob);
        let others = self.others.iter().map(|other| &other.blob);
        for blob in packages.chain(channels).chain(bundles).chain(deprecations).chain(others) {
            let (text, origin) = (blob.text.get(), &blob.origin);
            serde_json::to_writer(&mut out, &(&*origin.file, origin.line, origin.document, text.len()))?;
            out.write_all(b"\n")?;
            out.write_all(text.as_bytes())?;
            out.write_all(b"\n")?;
        }
        out.flush()
    }

    /// The catalog of a snapshot: equal to the one that was written, origins included. `None` for anything that this
    /// version of the crate did not write.
    pub fn from_snapshot(snapshot: &str) -> Option<Self> {
        let mut rest = snapshot.strip_prefix(HEADER)?;
        let mut catalog = Self::default();
        let mut file: Arc<str> = "".into();
        while !rest.is_empty() {
            let (head, documents) = rest.split_once('\n')?;
            let (name, line, document, length): (String, usize, usize, usize) = serde_json::from_str(head).ok()?;
            if *file != *name {
                file = name.into();
            }
            let (text, behind) = documents.split_at_checked(length)?;
            let text = RawValue::from_string(text.to_owned()).ok()?;
            add(&mut catalog, Blob { text: Arc::new(text), origin: Origin { file: file.clone(), line, document } })
                .ok()?;
            rest = behind.strip_prefix('\n')?;
        }
        Some(catalog)
    }
}
