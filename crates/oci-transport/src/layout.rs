//! OCI image layouts: a folder with blobs, an index and a version file (OCI image specification, "Image Layout").

use std::fs;
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use image_ref::{Digest, Hasher, ImageRef, Transport};
use oci_manifest::{Descriptor, MAX_MANIFEST_BYTES, VerifiedManifest, media_type};
use serde_json::{Value, json};

use crate::blob::{BlobSink, BlobSource, FileSource};

/// The annotation that names an image of a layout.
const REF_NAME: &str = "org.opencontainers.image.ref.name";

/// An OCI image layout. Blocking: call it from a blocking thread.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Layout {
    root: PathBuf,
    /// The folder of blobs, when it is not the layout's own.
    shared_blobs: Option<PathBuf>,
}

/// Why a layout cannot be read or written.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
#[expect(missing_docs, reason = "the message is the documentation")]
pub enum LayoutError {
    #[error("cannot {act} `{}` of an OCI layout: {source}", path.display())]
    Io { act: &'static str, path: PathBuf, source: io::Error },
    #[error("`{}` is no OCI layout: {reason}", root.display())]
    NotALayout { root: PathBuf, reason: String },
    #[error("`{}` holds no image `{reference}`; {}", root.display(), named(found))]
    NoSuchImage { root: PathBuf, reference: String, found: Vec<String> },
    #[error("`{}` holds {count} images; {}", root.display(), choose(root, found))]
    Ambiguous { root: PathBuf, count: usize, found: Vec<String> },
    #[error("blob `{expected}` of `{}` is damaged: its content has digest `{found}`", root.display())]
    Damaged { root: PathBuf, expected: Digest, found: Digest },
    #[error("manifest `{digest}` of `{}` is larger than the {} MiB allowed", root.display(), MAX_MANIFEST_BYTES / 1024 / 1024)]
    TooLarge { root: PathBuf, digest: Digest },
}

/// The names that a layout has.
fn named(found: &[String]) -> String {
    match found {
        [] => "its images have no names: write the folder alone".to_owned(),
        _ => format!("it holds {}", found.iter().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ")),
    }
}

/// How to choose one image of several.
fn choose(root: &Path, found: &[String]) -> String {
    if found.is_empty() {
        return "they have no names, so none can be chosen: copy one image into a folder of its own".to_owned();
    }
    let ways = found.iter().map(|name| format!("`oci://{}:{name}`", root.display()));
    format!("write which one: {}", ways.collect::<Vec<_>>().join(" or "))
}

impl Layout {
    /// The layout that an `oci://` reference names, and the name of the image in it.
    ///
    /// # Errors
    /// When the folder is no layout. `None` when the reference is of another transport.
    pub fn of_reference(image: &ImageRef) -> Option<Result<(Self, Option<String>), LayoutError>> {
        if *image.transport() != Transport::Oci {
            return None;
        }
        let (root, name) = image.place()?;
        Some(Self::open(root).map(|layout| (layout, name.map(str::to_owned))))
    }

    /// An existing layout.
    ///
    /// # Errors
    /// When the folder has an `oci-layout` file of another version than 1, or neither that file nor `index.json`. Tools leave
    /// the file out, and the library of containers reads layouts without it.
    pub fn open(root: impl Into<PathBuf>) -> Result<Self, LayoutError> {
        let root = root.into();
        let path = root.join("oci-layout");
        let not = |reason: String| LayoutError::NotALayout { root: root.clone(), reason };
        let text = match fs::read(&path) {
            Ok(text) => text,
            Err(error) if error.kind() == io::ErrorKind::NotFound && root.join("index.json").is_file() => {
                return Ok(Self { root, shared_blobs: None });
            }
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                let reason = if root.is_dir() { "it has no file `index.json`" } else { "there is no such folder" };
                return Err(not(reason.to_owned()));
            }
            Err(source) => return Err(LayoutError::Io { act: "read", path, source }),
        };
        let version: Value = serde_json::from_slice(&text).map_err(|error| not(format!("`oci-layout`: {error}")))?;
        match version.get("imageLayoutVersion").and_then(Value::as_str) {
            Some(version) if version.starts_with("1.") => Ok(Self { root, shared_blobs: None }),
            Some(other) => Err(not(format!("version `{other}` is not supported, expected 1.0.0"))),
            None => Err(not("`oci-layout` tells no version".to_owned())),
        }
    }

    /// A layout to write to; made when it is not there.
    ///
    /// # Errors
    /// When the folder cannot be written, or holds something else.
    pub fn create(root: impl Into<PathBuf>) -> Result<Self, LayoutError> {
        let this = Self { root: root.into(), shared_blobs: None };
        if this.root.join("oci-layout").exists() {
            return Self::open(this.root);
        }
        let blobs = this.root.join("blobs");
        fs::create_dir_all(&blobs).map_err(|source| LayoutError::Io { act: "make", path: blobs, source })?;
        this.write_file("oci-layout", br#"{"imageLayoutVersion":"1.0.0"}"#)?;
        this.write_index(&json!({ "schemaVersion": 2, "mediaType": media_type::OCI_INDEX, "manifests": [] }))?;
        Ok(this)
    }

    /// The same layout, read with the blobs of a folder that several layouts share, `<folder>/<algorithm>/<hex>`.
    #[must_use]
    pub fn with_shared_blobs(self, folder: Option<PathBuf>) -> Self {
        Self { shared_blobs: folder, ..self }
    }

    /// The folder.
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// The images of the layout with their names, in the order of the index.
    ///
    /// # Errors
    /// When the index cannot be read.
    pub fn images(&self) -> Result<Vec<(Descriptor, Option<String>)>, LayoutError> {
        let index = self.index()?;
        let entries = index.get("manifests").and_then(Value::as_array).cloned().unwrap_or_default();
        entries
            .into_iter()
            .map(|entry| {
                let descriptor: Descriptor = serde_json::from_value(entry)
                    .map_err(|error| self.not_a_layout(format!("`index.json`: {error}")))?;
                let name = descriptor.annotations.get(REF_NAME).cloned();
                Ok((descriptor, name))
            })
            .collect()
    }

    /// The image of this name; without a name, the only one.
    ///
    /// # Errors
    /// When there is none, or no name and several.
    pub fn resolve(&self, name: Option<&str>) -> Result<Descriptor, LayoutError> {
        let mut images = self.images()?;
        let found = || images.iter().filter_map(|(_, name)| name.clone()).collect::<Vec<_>>();
        match name {
            Some(wanted) => match images.iter().position(|(_, name)| name.as_deref() == Some(wanted)) {
                Some(at) => Ok(images.swap_remove(at).0),
                None => Err(LayoutError::NoSuchImage {
                    root: self.root.clone(),
                    reference: wanted.to_owned(),
                    found: found(),
                }),
            },
            None if images.len() == 1 => Ok(images.swap_remove(0).0),
            None if images.is_empty() => Err(self.not_a_layout("its index lists no image".to_owned())),
            None => Err(LayoutError::Ambiguous { root: self.root.clone(), count: images.len(), found: found() }),
        }
    }

    /// A manifest, verified.
    ///
    /// # Errors
    /// When it is not there, too large, or damaged.
    pub fn manifest(&self, descriptor: &Descriptor) -> Result<VerifiedManifest, LayoutError> {
        let path = self.blob_path(&descriptor.digest);
        let io = |source| LayoutError::Io { act: "read", path: path.clone(), source };
        if fs::metadata(&path).map_err(io)?.len() > MAX_MANIFEST_BYTES as u64 {
            return Err(LayoutError::TooLarge { root: self.root.clone(), digest: descriptor.digest.clone() });
        }
        let bytes = fs::read(&path).map_err(io)?;
        VerifiedManifest::verify(bytes, Some(&descriptor.media_type), &descriptor.digest).map_err(|wrong| {
            LayoutError::Damaged { root: self.root.clone(), expected: wrong.expected, found: wrong.found }
        })
    }

    /// The size of a blob in bytes; `None` when it is not there.
    pub fn blob_size(&self, digest: &Digest) -> Option<u64> {
        fs::metadata(self.blob_path(digest)).ok().filter(fs::Metadata::is_file).map(|found| found.len())
    }

    /// A blob as the source of an upload. It is verified there.
    ///
    /// # Errors
    /// When it is not there.
    pub fn blob(&self, digest: &Digest) -> Result<Arc<dyn BlobSource>, LayoutError> {
        let path = self.blob_path(digest);
        let source = FileSource::new(&path).map_err(|source| LayoutError::Io { act: "read", path, source })?;
        Ok(Arc::new(source))
    }

    /// A blob to be written. It appears under its digest only by [`LayoutSink::finish`].
    ///
    /// # Errors
    /// When no file can be made.
    pub fn begin_blob(&self, digest: &Digest) -> Result<LayoutSink, LayoutError> {
        let target = self.blob_path(digest);
        let folder = target.parent().expect("blobs have a folder");
        fs::create_dir_all(folder).map_err(|source| LayoutError::Io { act: "make", path: folder.into(), source })?;
        let path = folder.join(format!(".{}.{}", digest.hex(), std::process::id()));
        let file =
            fs::File::create(&path).map_err(|source| LayoutError::Io { act: "write", path: path.clone(), source })?;
        let hasher = Hasher::new(digest.algorithm());
        Ok(LayoutSink {
            layout: self.clone(),
            digest: digest.clone(),
            path,
            target,
            file,
            hasher,
            offset: 0,
            done: false,
        })
    }

    /// Writes a manifest among the blobs. Named, it also becomes an image of the layout, in the place of an older one of
    /// that name.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn put_manifest(&self, manifest: &VerifiedManifest, name: Option<&str>) -> Result<(), LayoutError> {
        let path = self.blob_path(manifest.digest());
        let folder = path.parent().expect("blobs have a folder");
        fs::create_dir_all(folder).map_err(|source| LayoutError::Io { act: "make", path: folder.into(), source })?;
        self.write_file(path.strip_prefix(&self.root).expect("blobs are below the root"), manifest.bytes())?;
        let Some(name) = name else { return Ok(()) };
        let mut index = self.index()?;
        let mut entry = serde_json::to_value(manifest.descriptor()).expect("descriptors are JSON");
        if let Some(entry) = entry.as_object_mut() {
            entry.insert("annotations".to_owned(), json!({ REF_NAME: name }));
        }
        let fields = index.as_object_mut();
        let fields = fields.ok_or_else(|| self.not_a_layout("`index.json`: it must be a JSON object".to_owned()))?;
        let entries = fields.entry("manifests").or_insert(Value::Null);
        if !entries.is_array() {
            *entries = json!([]);
        }
        if let Some(entries) = entries.as_array_mut() {
            let name_of = |entry: &Value| entry.get("annotations")?.get(REF_NAME)?.as_str().map(str::to_owned);
            entries.retain(|entry| name_of(entry).as_deref() != Some(name));
            entries.push(entry);
        }
        self.write_index(&index)
    }

    fn index(&self) -> Result<Value, LayoutError> {
        let path = self.root.join("index.json");
        let text = fs::read(&path).map_err(|source| LayoutError::Io { act: "read", path, source })?;
        serde_json::from_slice(&text).map_err(|error| self.not_a_layout(format!("`index.json`: {error}")))
    }

    fn write_index(&self, index: &Value) -> Result<(), LayoutError> {
        let text = serde_json::to_vec(index).expect("JSON values can be written");
        self.write_file("index.json", &text)
    }

    /// Writes beside and renames, so that no reader sees half a file.
    fn write_file(&self, name: impl AsRef<Path>, text: &[u8]) -> Result<(), LayoutError> {
        let path = self.root.join(name);
        let mut beside = path.clone().into_os_string();
        beside.push(format!(".{}.tmp", std::process::id()));
        let beside = PathBuf::from(beside);
        let io = |source| LayoutError::Io { act: "write", path: path.clone(), source };
        fs::write(&beside, text).map_err(io)?;
        fs::rename(&beside, &path).map_err(|source| {
            // The copy is of no use to anyone.
            let _ = fs::remove_file(&beside);
            io(source)
        })
    }

    fn blob_path(&self, digest: &Digest) -> PathBuf {
        let blobs = self.shared_blobs.clone().unwrap_or_else(|| self.root.join("blobs"));
        blobs.join(digest.algorithm().as_str()).join(digest.hex())
    }

    fn not_a_layout(&self, reason: String) -> LayoutError {
        LayoutError::NotALayout { root: self.root.clone(), reason }
    }
}

/// A blob on its way into a layout. Dropped unfinished, it leaves nothing behind.
#[derive(Debug)]
pub struct LayoutSink {
    layout: Layout,
    digest: Digest,
    path: PathBuf,
    target: PathBuf,
    file: fs::File,
    hasher: Hasher,
    offset: u64,
    done: bool,
}

impl LayoutSink {
    /// Verifies the digest and gives the blob its name.
    ///
    /// # Errors
    /// When the content is wrong or the file cannot be renamed.
    pub fn finish(mut self) -> Result<(), LayoutError> {
        let found = self.hasher.clone().finish();
        if found != self.digest {
            return Err(LayoutError::Damaged { root: self.layout.root.clone(), expected: self.digest.clone(), found });
        }
        fs::rename(&self.path, &self.target).map_err(|source| LayoutError::Io {
            act: "write",
            path: self.target.clone(),
            source,
        })?;
        self.done = true;
        Ok(())
    }
}

impl BlobSink for LayoutSink {
    fn offset(&self) -> u64 {
        self.offset
    }

    fn write(&mut self, chunk: &[u8]) -> io::Result<()> {
        self.file.write_all(chunk)?;
        self.hasher.update(chunk);
        self.offset += chunk.len() as u64;
        Ok(())
    }

    fn restart(&mut self) -> io::Result<()> {
        self.file = fs::File::create(&self.path)?;
        self.hasher = Hasher::new(self.digest.algorithm());
        self.offset = 0;
        Ok(())
    }

    fn digest(&self) -> Option<Digest> {
        Some(self.hasher.clone().finish())
    }
}

impl Drop for LayoutSink {
    fn drop(&mut self) {
        if !self.done {
            // Nobody can be told, and the next run overwrites it.
            let _ = fs::remove_file(&self.path);
        }
    }
}
