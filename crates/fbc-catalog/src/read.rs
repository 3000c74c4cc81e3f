//! Reading: files to documents, documents to blobs, blobs to the model.
//!
//! A file is cut at the lines `---`, which neither JSON nor YAML can hold inside a value. A piece that begins with `{`
//! is a stream of JSON objects; anything else, and what turns out not to be JSON after all, is one YAML document.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use serde_json::value::RawValue;

use crate::catalog::{
    Blob, Bundle, Catalog, Channel, Deprecation, Deprecations, Entry, Origin, Other, Package, Property,
    RelatedImageEntry,
};
use crate::fields::{FieldError, Fields, excerpt};
use crate::ignore::{IgnoreRules, TooManyRules};
use crate::yaml;

impl Catalog {
    /// Reads a catalog from its files: paths below the catalog's root with `/` between the parts, and their bytes.
    ///
    /// Every file counts, whatever its name (`docs/behaviour/operators-archive.md` 1.2), except `.indexignore` files
    /// and what they exclude. The order of the files is the order of the result; callers who want the same output for
    /// the same catalog sort by path. Large catalogs are read on several threads, with the same result.
    ///
    /// # Errors
    /// See [`ReadError`]. One broken document makes the whole catalog unusable, because what it would have said is not
    /// known. All broken documents are reported, one per file at most.
    pub fn read<P: AsRef<str>, B: AsRef<[u8]>>(files: impl IntoIterator<Item = (P, B)>) -> Result<Self, ReadErrors> {
        let files: Vec<(P, B)> = files.into_iter().collect();
        let (mut ignored, mut errors) = ignore_rules(&files);
        let mut pieces = Vec::new();
        for (path, bytes) in &files {
            let path = path.as_ref();
            if file_name(path) == IgnoreRules::FILE_NAME {
                continue;
            }
            let file: Arc<str> = path.into();
            match ignored.ignores(path) {
                Ok(true) => continue,
                Ok(false) => {}
                Err(bound) => {
                    errors.push(too_many_rules(file, bound));
                    break;
                }
            }
            match std::str::from_utf8(bytes.as_ref()) {
                Ok(text) => cut(&file, text, &mut pieces),
                Err(error) => errors.push(not_utf8(file, bytes.as_ref(), error.valid_up_to())),
            }
        }
        let mut catalog = Self::default();
        let mut broken_file: Option<Arc<str>> = None;
        // Pieces were numbered by separators alone; a piece may hold several JSON documents.
        let mut extra = 0;
        let mut previous: Option<&Arc<str>> = None;
        for (piece, result) in pieces.iter().zip(read_pieces(&pieces)) {
            if previous.replace(&piece.origin.file) != Some(&piece.origin.file) {
                extra = 0;
            }
            match result {
                Ok(mut part) => {
                    part.renumber(extra);
                    extra += part.documents().saturating_sub(1);
                    catalog.append(part);
                }
                Err(error) if broken_file.as_ref() == Some(&error.origin.file) => {}
                Err(mut error) => {
                    error.origin.document += extra;
                    broken_file = Some(error.origin.file.clone());
                    errors.push(error);
                }
            }
        }
        if errors.is_empty() { Ok(catalog) } else { Err(ReadErrors(errors)) }
    }

    fn documents(&self) -> usize {
        self.packages.len() + self.channels.len() + self.bundles.len() + self.deprecations.len() + self.others.len()
    }

    fn renumber(&mut self, extra: usize) {
        let packages = self.packages.iter_mut().map(|package| &mut package.blob);
        let channels = self.channels.iter_mut().map(|channel| &mut channel.blob);
        let bundles = self.bundles.iter_mut().map(|bundle| &mut bundle.blob);
        let deprecations = self.deprecations.iter_mut().map(|blob| &mut blob.blob);
        let others = self.others.iter_mut().map(|other| &mut other.blob);
        for blob in packages.chain(channels).chain(bundles).chain(deprecations).chain(others) {
            blob.origin.document += extra;
        }
    }

    fn append(&mut self, mut other: Self) {
        self.packages.append(&mut other.packages);
        self.channels.append(&mut other.channels);
        self.bundles.append(&mut other.bundles);
        self.deprecations.append(&mut other.deprecations);
        self.others.append(&mut other.others);
    }
}

/// Everything that keeps a catalog from being read.
#[derive(Debug, thiserror::Error)]
#[error("failed to load catalog config: {}", join(.0))]
pub struct ReadErrors(pub Vec<ReadError>);

fn join(errors: &[ReadError]) -> String {
    errors.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n")
}

/// One document that cannot be read.
#[derive(Debug, thiserror::Error)]
#[error("{origin}: {fault}")]
pub struct ReadError {
    /// Where: the file, the line of the fault as far as it is known, the document.
    pub origin: Origin,
    /// What.
    pub fault: ReadFault,
}

/// What is wrong with a document.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ReadFault {
    /// The file is not UTF-8 text.
    #[error("not UTF-8 text")]
    NotUtf8,
    /// The rules for files that are left out are more than what is reasonable.
    #[error("{0}")]
    TooManyRules(TooManyRules),
    /// The text is neither JSON nor YAML.
    #[error("{0}")]
    Syntax(String),
    /// The document is not an object.
    #[error("a document must be an object with a `schema`, this one is `{0}`")]
    NotAnObject(String),
    /// No `schema`.
    #[error("object '{0}' is missing root schema field")]
    NoSchema(String),
    /// Two keys that differ only in case, among those that decide what the blob is.
    #[error("field `{0}` stands there twice")]
    Duplicate(&'static str),
    /// A field of a type it cannot have.
    #[error("{0}")]
    Field(String),
}

/// A stretch of a file that is parsed on its own.
struct Piece<'a> {
    text: &'a str,
    origin: Origin,
}

fn file_name(path: &str) -> &str {
    path.rsplit('/').next().unwrap_or(path)
}

fn ignore_rules<P: AsRef<str>, B: AsRef<[u8]>>(files: &[(P, B)]) -> (IgnoreRules, Vec<ReadError>) {
    let mut rules = IgnoreRules::default();
    let mut errors = Vec::new();
    for (path, bytes) in files.iter().filter(|(path, _)| file_name(path.as_ref()) == IgnoreRules::FILE_NAME) {
        match std::str::from_utf8(bytes.as_ref()) {
            Ok(text) => {
                if let Err(bound) = rules.add(path.as_ref(), text) {
                    errors.push(too_many_rules(path.as_ref().into(), bound));
                    break;
                }
            }
            Err(error) => errors.push(not_utf8(path.as_ref().into(), bytes.as_ref(), error.valid_up_to())),
        }
    }
    (rules, errors)
}

fn too_many_rules(file: Arc<str>, bound: TooManyRules) -> ReadError {
    ReadError { origin: Origin { file, line: 1, document: 1 }, fault: ReadFault::TooManyRules(bound) }
}

fn not_utf8(file: Arc<str>, bytes: &[u8], valid_up_to: usize) -> ReadError {
    let line = bytes.get(..valid_up_to).unwrap_or(bytes).split(|byte| *byte == b'\n').count();
    ReadError { origin: Origin { file, line, document: 1 }, fault: ReadFault::NotUtf8 }
}

/// Cuts a file at its separators. Pieces of blanks only are counted as documents and dropped.
fn cut<'a>(file: &Arc<str>, text: &'a str, pieces: &mut Vec<Piece<'a>>) {
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let mut rest = text;
    let mut line = 1;
    let mut document = 1;
    loop {
        let parts = separator(rest).map(|at| rest.split_at(at));
        let (piece, next) = match parts.and_then(|(piece, next)| Some((piece, next.strip_prefix("---")?))) {
            Some((piece, next)) => (piece, Some(next)),
            None => (rest, None),
        };
        if !piece.trim().is_empty() {
            pieces.push(Piece { text: piece, origin: Origin { file: file.clone(), line, document } });
        }
        line += piece.matches('\n').count();
        let Some(next) = next else { return };
        // Blanks before the first `---` are no document.
        let leading = rest.len() == text.len() && piece.trim().is_empty();
        document += usize::from(!leading);
        rest = next;
    }
}

/// Where the next line begins that is a separator: `---` followed by a blank or the end of the line.
fn separator(text: &str) -> Option<usize> {
    let is_separator = |at: usize| {
        text.get(at..)
            .and_then(|text| text.strip_prefix("---"))
            .is_some_and(|rest| rest.is_empty() || rest.starts_with([' ', '\t', '\r', '\n']))
    };
    if is_separator(0) {
        return Some(0);
    }
    text.match_indices("\n---").map(|(at, _)| at + 1).find(|at| is_separator(*at))
}

fn read_pieces(pieces: &[Piece<'_>]) -> Vec<Result<Catalog, ReadError>> {
    /// Below this many bytes another thread costs more than it brings.
    const WORTH_A_THREAD: usize = 1 << 20;
    const MOST_THREADS: usize = 8;
    let bytes: usize = pieces.iter().map(|piece| piece.text.len()).sum();
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    let threads = cores.min(MOST_THREADS).min(bytes / WORTH_A_THREAD);
    if threads <= 1 {
        return pieces.iter().map(read_piece).collect();
    }
    let next = AtomicUsize::new(0);
    let work = || {
        let mut done = Vec::new();
        while let Some((index, piece)) = {
            let index = next.fetch_add(1, Ordering::Relaxed);
            pieces.get(index).map(|piece| (index, piece))
        } {
            done.push((index, read_piece(piece)));
        }
        done
    };
    let mut results: Vec<_> = std::thread::scope(|scope| {
        let workers: Vec<_> = (0..threads).map(|_| scope.spawn(work)).collect();
        workers
            .into_iter()
            .flat_map(|worker| worker.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic)))
            .collect()
    });
    results.sort_unstable_by_key(|(index, _)| *index);
    results.into_iter().map(|(_, result)| result).collect()
}

fn read_piece(piece: &Piece<'_>) -> Result<Catalog, ReadError> {
    if !piece.text.trim_start().starts_with('{') {
        return read_yaml(piece);
    }
    match read_json(piece) {
        // A flow mapping is YAML, too. When it is neither, the JSON message is the better one.
        Err(json @ ReadError { fault: ReadFault::Syntax(_), .. }) => read_yaml(piece).map_err(|_| json),
        result => result,
    }
}

fn read_json(piece: &Piece<'_>) -> Result<Catalog, ReadError> {
    let mut catalog = Catalog::default();
    let mut stream = serde_json::Deserializer::from_str(piece.text).into_iter::<&RawValue>();
    let mut origin = piece.origin.clone();
    let mut line_known_at = 0;
    loop {
        let before = stream.byte_offset();
        let Some(raw) = stream.next() else { return Ok(catalog) };
        let gap = piece.text.get(before..).unwrap_or_default();
        let start = before + (gap.len() - gap.trim_start().len());
        origin.line += piece.text.get(line_known_at..start).unwrap_or_default().matches('\n').count();
        line_known_at = start;
        let raw = raw.map_err(|error| {
            let line = piece.origin.line + error.line().saturating_sub(1);
            let fault = ReadFault::Syntax(format!("invalid JSON: {error}"));
            ReadError { origin: Origin { line, ..origin.clone() }, fault }
        })?;
        add(&mut catalog, Blob { text: Arc::new(raw.to_owned()), origin: origin.clone() })?;
        origin.document += 1;
    }
}

fn read_yaml(piece: &Piece<'_>) -> Result<Catalog, ReadError> {
    let error = |line: usize, fault| ReadError { origin: Origin { line, ..piece.origin.clone() }, fault };
    let json = yaml::to_json(piece.text).map_err(|yaml_error| {
        let line = piece.origin.line + yaml_error.line.map_or(0, |line| line.saturating_sub(1));
        error(line, ReadFault::Syntax(format!("invalid YAML: {}", yaml_error.message)))
    })?;
    // Not empty and yet nothing: only comments. OLM's loader stumbles over it as well.
    let text = json.ok_or_else(|| error(piece.origin.line, ReadFault::NoSchema(String::new())))?;
    let leading = piece.text.len() - piece.text.trim_start().len();
    let mut origin = piece.origin.clone();
    origin.line += piece.text.split_at(leading).0.matches('\n').count();
    let mut catalog = Catalog::default();
    add(&mut catalog, Blob { text: Arc::new(text), origin })?;
    Ok(catalog)
}

/// Decodes a blob and adds it to the catalog.
pub(crate) fn add(catalog: &mut Catalog, blob: Blob) -> Result<(), ReadError> {
    let text = blob.text.clone();
    let origin = blob.origin.clone();
    decode(catalog, blob, text.get()).map_err(|fault| ReadError { origin, fault })
}

fn decode(catalog: &mut Catalog, blob: Blob, text: &str) -> Result<(), ReadFault> {
    let fields: Fields<'_> = serde_json::from_str(text).map_err(|_| ReadFault::NotAnObject(excerpt(text)))?;
    for name in ["schema", "package", "name"] {
        if fields.count(name) > 1 {
            return Err(ReadFault::Duplicate(name));
        }
    }
    let schema = fields.text("schema")?;
    let package = fields.text("package")?;
    let name = fields.text("name")?;
    match schema.as_str() {
        "" => return Err(ReadFault::NoSchema(excerpt(text))),
        "olm.package" => {
            let default_channel = fields.text("defaultChannel")?;
            catalog.packages.push(Package { name, default_channel, blob });
        }
        "olm.channel" => {
            let entries = objects(&fields, "entries")?.iter().map(entry).collect::<Result<_, _>>()?;
            catalog.channels.push(Channel { name, package, entries, blob });
        }
        "olm.bundle" => {
            let mut bundle = Bundle {
                name,
                package,
                image: fields.text("image")?,
                related_images: Vec::new(),
                properties: Vec::new(),
                has_objects: false,
                blob,
            };
            for image in objects(&fields, "relatedImages")? {
                bundle
                    .related_images
                    .push(RelatedImageEntry { name: image.text("name")?, image: image.text("image")? });
            }
            for property in objects(&fields, "properties")? {
                match property.text("type")?.as_str() {
                    "olm.bundle.object" => bundle.has_objects = true,
                    "olm.csv.metadata" => {}
                    kind => {
                        let value = property.get("value").map_or("null", RawValue::get).into();
                        bundle.properties.push(Property { kind: kind.to_owned(), value });
                    }
                }
            }
            catalog.bundles.push(bundle);
        }
        "olm.deprecations" => {
            let entries = objects(&fields, "entries")?.iter().map(deprecation).collect::<Result<_, _>>()?;
            catalog.deprecations.push(Deprecations { package, entries, blob });
        }
        _ => catalog.others.push(Other { schema, package, name, blob }),
    }
    Ok(())
}

fn objects<'a>(fields: &Fields<'a>, name: &str) -> Result<Vec<Fields<'a>>, FieldError> {
    fields.decode(name)
}

fn entry(fields: &Fields<'_>) -> Result<Entry, FieldError> {
    let optional = |name| fields.text(name).map(|text| (!text.is_empty()).then_some(text));
    Ok(Entry {
        name: fields.text("name")?,
        replaces: optional("replaces")?,
        skips: fields.decode("skips")?,
        skip_range: optional("skipRange")?,
    })
}

fn deprecation(fields: &Fields<'_>) -> Result<Deprecation, FieldError> {
    let reference: Option<Fields<'_>> = fields.decode_optional("reference")?;
    let of_reference = |name| reference.as_ref().map_or(Ok(String::new()), |reference| reference.text(name));
    Ok(Deprecation { schema: of_reference("schema")?, name: of_reference("name")?, message: fields.text("message")? })
}

impl From<FieldError> for ReadFault {
    fn from(error: FieldError) -> Self {
        Self::Field(error.to_string())
    }
}
