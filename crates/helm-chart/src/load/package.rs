//! Packaged charts: a tar in a gzip.

use std::io::Read as _;

use flate2::bufread::MultiGzDecoder;

use super::tar::{self, Entries, Kind};
use super::{Budget, LoadError, MAX_CHART, MAX_FILE, quoted};
use crate::chart::File;
use crate::path::{clean, extension};

const GZIP: &[u8] = &[0x1F, 0x8B, 0x08];

/// Refuses what is no gzip, with the words that tell what it is.
pub(super) fn check_format(name: &str, bytes: &[u8]) -> Result<(), LoadError> {
    // Helm looks at a buffer of 512 bytes, whatever the length of the file.
    let mut head = [0; 512];
    for (to, from) in head.iter_mut().zip(bytes) {
        *to = *from;
    }
    if head.starts_with(GZIP) {
        return Ok(());
    }
    if matches!(extension(name), "yml" | "yaml") {
        return Err(LoadError::new(format!("file '{name}' seems to be a YAML file, but expected a gzipped archive")));
    }
    let kind = content_type(&head);
    Err(LoadError::new(format!("file '{name}' does not appear to be a gzipped archive; got '{kind}'")))
}

/// The commoner answers of Go's `http.DetectContentType`.
fn content_type(head: &[u8]) -> &'static str {
    let is_blank = |byte: &u8| matches!(byte, b'\t' | b'\n' | 0x0C | b'\r' | b' ');
    let text = head.split_at(head.iter().take_while(|byte| is_blank(byte)).count()).1;
    for tag in [
        "<!DOCTYPE HTML",
        "<HTML",
        "<HEAD",
        "<SCRIPT",
        "<IFRAME",
        "<H1",
        "<DIV",
        "<FONT",
        "<TABLE",
        "<A",
        "<STYLE",
        "<TITLE",
        "<B",
        "<BODY",
        "<BR",
        "<P",
        "<!--",
    ] {
        let Some((start, rest)) = text.split_at_checked(tag.len()) else { continue };
        if start.eq_ignore_ascii_case(tag.as_bytes()) && matches!(rest.first(), Some(b' ' | b'>')) {
            return "text/html; charset=utf-8";
        }
    }
    if text.starts_with(b"<?xml") {
        return "text/xml; charset=utf-8";
    }
    for (magic, kind) in [
        (&b"%PDF-"[..], "application/pdf"),
        (b"%!PS-Adobe-", "application/postscript"),
        (b"\xFE\xFF", "text/plain; charset=utf-16be"),
        (b"\xFF\xFE", "text/plain; charset=utf-16le"),
        (b"\xEF\xBB\xBF", "text/plain; charset=utf-8"),
        (b"\x00\x00\x01\x00", "image/x-icon"),
        (b"BM", "image/bmp"),
        (b"GIF87a", "image/gif"),
        (b"GIF89a", "image/gif"),
        (b"\x89PNG\r\n\x1A\n", "image/png"),
        (b"\xFF\xD8\xFF", "image/jpeg"),
        (b"OggS\0", "application/ogg"),
        (b"PK\x03\x04", "application/zip"),
        (b"Rar!\x1A\x07\x00", "application/x-rar-compressed"),
        (b"Rar!\x1A\x07\x01\x00", "application/x-rar-compressed"),
        (b"\0asm", "application/wasm"),
    ] {
        if head.starts_with(magic) {
            return kind;
        }
    }
    let binary = |byte: &u8| matches!(byte, 0..=8 | 0x0B | 0x0E..=0x1A | 0x1C..=0x1F);
    if head.iter().any(binary) { "application/octet-stream" } else { "text/plain; charset=utf-8" }
}

/// The files of a packaged chart, without the name of its folder.
pub(super) fn unpack(bytes: &[u8], budget: &mut Budget) -> Result<Vec<File>, LoadError> {
    let too_large = || LoadError::new(format!("decompressed chart is larger than the maximum file size {MAX_CHART}"));
    if bytes.is_empty() {
        return Err(LoadError::new("EOF"));
    }
    // What is cut short is told by what reads it.
    if !bytes.iter().zip(GZIP).all(|(found, expected)| found == expected) {
        return Err(LoadError::new("gzip: invalid header"));
    }
    let mut tar = Vec::new();
    // Headers and padding may come on top of what counts, up to a bound of their own.
    let most = MAX_CHART + MAX_CHART / 4;
    let mut unzipped = MultiGzDecoder::new(bytes).take(most + 1);
    let outcome = unzipped.read_to_end(&mut tar);
    if tar.len() as u64 > most {
        return Err(too_large());
    }
    // Headers count, too: a package within the package may have nothing else.
    budget.unpack(tar.len() as u64)?;
    let mut remaining = MAX_CHART;
    let mut files = Vec::new();
    // What could not be unzipped is what is missing. Nobody misses what lies behind the end of the archive.
    let failed = |error: tar::Error| match (error, &outcome) {
        (tar::Error::Missing, Err(error)) => LoadError::new(gzip_words(error)),
        (error, _) => LoadError::new(error.to_string()),
    };
    for entry in Entries::new(&tar, outcome.is_err()) {
        let entry = entry.map_err(failed)?;
        if matches!(entry.kind, Kind::Folder | Kind::Global) {
            continue;
        }
        let name = inner_name(&entry.name)?;
        if let Kind::Link(target) = &entry.kind
            && leaves(&name, target)
        {
            return Err(LoadError::new(format!(
                "chart illegally contains a link that leaves the chart: {} points to {}",
                quoted(&entry.name),
                quoted(target)
            )));
        }
        if entry.kind == Kind::Other {
            return Err(LoadError::new(format!(
                "chart illegally contains a device or a pipe: {}",
                quoted(&entry.name)
            )));
        }
        if entry.size > remaining {
            return Err(too_large());
        }
        if entry.size > MAX_FILE {
            return Err(LoadError::new(format!(
                "decompressed chart file {} is larger than the maximum file size {MAX_FILE}",
                quoted(&entry.name)
            )));
        }
        let data = entry.data.map_err(failed)?;
        remaining -= data.len() as u64;
        // A link with a size has fewer bytes than it says.
        if entry.size > data.len() as u64 || remaining == 0 {
            return Err(too_large());
        }
        budget.file()?;
        let data = data.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(data).to_vec();
        files.push(File { name, data });
    }
    if files.is_empty() {
        return Err(LoadError::new("no files in chart archive"));
    }
    Ok(files)
}

/// Go's words for what is wrong with a gzip.
fn gzip_words(error: &std::io::Error) -> &'static str {
    match error.kind() {
        std::io::ErrorKind::UnexpectedEof => "unexpected EOF",
        std::io::ErrorKind::InvalidInput if error.to_string().contains("header") => "gzip: invalid header",
        std::io::ErrorKind::InvalidInput if error.to_string().contains("checksum") => "gzip: invalid checksum",
        _ => "flate: corrupt input",
    }
}

/// The path of an entry within the chart.
fn inner_name(name: &str) -> Result<String, LoadError> {
    // A package that was made on Windows may have backslashes.
    let delimiter = if name.contains('\\') { '\\' } else { '/' };
    let (first, rest) = name.split_once(delimiter).unwrap_or((name, ""));
    let path = rest.replace(delimiter, "/");
    if path.starts_with('/') {
        return Err(LoadError::new("chart illegally contains absolute paths"));
    }
    let path = clean(&path);
    if path == "." {
        return Err(LoadError::new(format!(
            "chart illegally contains content outside the base directory: {}",
            quoted(name)
        )));
    }
    if path.starts_with("..") {
        return Err(LoadError::new("chart illegally references parent directory"));
    }
    if let [drive, b':', b'/', ..] = path.as_bytes()
        && drive.is_ascii_alphabetic()
    {
        return Err(LoadError::new("chart contains illegally named files"));
    }
    if first == "Chart.yaml" {
        return Err(LoadError::new("chart yaml not in base directory"));
    }
    Ok(path)
}

/// Whether a link of that path in a chart points outside of the chart.
fn leaves(path: &str, target: &str) -> bool {
    if target.starts_with('/') || target.contains('\\') {
        return true;
    }
    let folder = path.rsplit_once('/').map_or("", |(folder, _)| folder);
    clean(format!("{folder}/{target}").trim_start_matches('/')).starts_with("..")
}
