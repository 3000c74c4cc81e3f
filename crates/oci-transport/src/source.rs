//! An image to read, wherever it lies: one set of questions for registries and layouts.

use std::sync::{Arc, PoisonError};

use image_ref::{ImageRef, Transport};
use oci_manifest::{Descriptor, VerifiedManifest};

use crate::blob::BlobSource;
use crate::client::Client;
use crate::endpoint::{Endpoint, Reference};
use crate::error::{Condition, Error};
use crate::layout::{Layout, LayoutError};

/// A place that an image is read from. Copying asks only this, so it is written once.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub enum ImageSource {
    /// A repository at a registry.
    Registry(Client, Endpoint),
    /// A folder with an OCI image layout.
    Layout(Layout),
}

impl ImageSource {
    /// Finds an image: its manifest, and the place that serves whatever the manifest names.
    ///
    /// # Errors
    /// When it is not there, or lies behind a transport that is not supported.
    pub async fn open(client: &Client, image: &ImageRef) -> Result<(Self, VerifiedManifest), Error> {
        let action = || format!("reading `{image}`");
        match image.transport() {
            Transport::Docker => {
                let pulled = client.pull_manifest(image).await?;
                Ok((Self::Registry(client.clone(), pulled.endpoint), pulled.manifest))
            }
            Transport::Oci => {
                let image = image.clone();
                let digest = image.digest().cloned();
                let shared_blobs = client.inner.options.shared_blobs.clone();
                let read = move || -> Result<(Layout, VerifiedManifest), LayoutError> {
                    let (layout, name) = Layout::of_reference(&image).expect("the transport was looked at")?;
                    let layout = layout.with_shared_blobs(shared_blobs);
                    let mut descriptor = layout.resolve(name.as_deref())?;
                    if let Some(digest) = digest {
                        descriptor = Descriptor::new("", digest, 0);
                    }
                    let manifest = layout.manifest(&descriptor)?;
                    Ok((layout, manifest))
                };
                let (layout, manifest) = blocking(action(), read).await?;
                Ok((Self::Layout(layout), manifest))
            }
            Transport::File => Err(unsupported(action(), image, "it is a folder of archives, no image")),
            _ => {
                let layout = import(client, image, &action()).await?;
                let (place, digest) = (layout.clone(), image.digest().cloned());
                let read = move || {
                    let descriptor = match digest {
                        Some(digest) => Descriptor::new("", digest, 0),
                        None => place.resolve(None)?,
                    };
                    place.manifest(&descriptor)
                };
                let manifest = blocking(action(), read).await?;
                Ok((Self::Layout(layout), manifest))
            }
        }
    }

    /// A manifest that the image names, such as a child of an index.
    ///
    /// # Errors
    /// When it is not there.
    pub async fn manifest(&self, descriptor: &Descriptor) -> Result<VerifiedManifest, Error> {
        match self {
            Self::Registry(client, endpoint) => {
                client.pull_manifest_at(endpoint, &Reference::Digest(descriptor.digest.clone())).await
            }
            Self::Layout(layout) => {
                let (layout, descriptor) = (layout.clone(), descriptor.clone());
                let action = format!("reading manifest `{}`", descriptor.digest);
                blocking(action, move || layout.manifest(&descriptor)).await
            }
        }
    }

    /// A blob that the image names, as the source of an upload.
    ///
    /// # Errors
    /// When a layout does not have it. A registry is asked only when the blob is read.
    pub fn blob(&self, blob: &Descriptor) -> Result<Arc<dyn BlobSource>, Error> {
        match self {
            Self::Registry(client, endpoint) => Ok(client.blob_source(endpoint, blob)),
            Self::Layout(layout) => layout
                .blob(&blob.digest)
                .map_err(|error| layout_error(format!("reading blob `{}`", blob.digest), &error)),
        }
    }
}

/// The layout that `skopeo` makes of an image, once for each client.
async fn import(client: &Client, image: &ImageRef, action: &str) -> Result<Layout, Error> {
    let Some(skopeo) = &client.inner.options.skopeo else {
        let why = "it is read with the program `skopeo`, which is not on PATH; install it, or on another machine copy the \
                   image into an OCI layout with it and use `oci://DIR`";
        return Err(unsupported(action.to_owned(), image, why));
    };
    let imported = &client.inner.imported;
    let cell = {
        let mut layouts = imported.layouts.lock().unwrap_or_else(PoisonError::into_inner);
        Arc::clone(layouts.entry(format!("{}:{}", image.transport().scheme(), image.name())).or_default())
    };
    cell.get_or_try_init(|| imported.import(skopeo, image, action)).await.cloned()
}

fn unsupported(action: String, image: &ImageRef, why: &str) -> Error {
    Error::new(Condition::Unsupported, action, format!("transport `{}`: {why}", image.transport().scheme()))
}

async fn blocking<T: Send + 'static>(
    action: String,
    work: impl FnOnce() -> Result<T, LayoutError> + Send + 'static,
) -> Result<T, Error> {
    match tokio::task::spawn_blocking(work).await {
        Ok(result) => result.map_err(|error| layout_error(action, &error)),
        Err(_) => Err(Error::new(Condition::Local, action, "the work was interrupted")),
    }
}

fn layout_error(action: String, error: &LayoutError) -> Error {
    let condition = match error {
        LayoutError::NoSuchImage { .. } => Condition::NotFound,
        LayoutError::Damaged { .. } => Condition::Digest,
        LayoutError::TooLarge { .. } => Condition::TooLarge,
        LayoutError::Io { source, .. } if source.kind() == std::io::ErrorKind::NotFound => Condition::NotFound,
        _ => Condition::Local,
    };
    Error::new(condition, action, error.to_string())
}
