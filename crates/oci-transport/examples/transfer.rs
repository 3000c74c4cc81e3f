//! Moves one blob and tells how fast: `transfer pull HOST/PATH DIGEST SIZE FILE`, `transfer push HOST/PATH FILE DIGEST`.
//!
//! For measuring against curl on the same blob; TLS is not verified.

use std::error::Error;
use std::sync::Arc;
use std::time::Instant;

use image_ref::Repository;
use oci_transport::{BlobSource as _, Client, ClientOptions, Descriptor, FileSink, FileSource};

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let client = Client::new(ClientOptions { tls_verify: false, ..ClientOptions::default() })?;
    let (size, start) = match arguments[..] {
        ["pull", repository, digest, size, file] => {
            let at = client.endpoint(&repository.parse::<Repository>()?);
            let blob = Descriptor::new("", digest.parse()?, size.parse()?);
            let start = Instant::now();
            client.pull_blob(&at, &blob, &mut FileSink::create(file)?, &|_| {}).await?;
            (blob.size, start)
        }
        ["push", repository, file, digest] => {
            let at = client.endpoint(&repository.parse::<Repository>()?);
            let source = FileSource::new(file)?;
            let blob = Descriptor::new("", digest.parse()?, source.size());
            let start = Instant::now();
            client.push_blob(&at, &blob, Arc::new(source), &|_| {}).await?;
            (blob.size, start)
        }
        _ => return Err("expected `pull HOST/PATH DIGEST SIZE FILE` or `push HOST/PATH FILE DIGEST`".into()),
    };
    let seconds = start.elapsed().as_secs_f64();
    #[expect(clippy::print_stdout, reason = "the figure is the purpose of this program")]
    {
        println!("{seconds:.3} s, {:.0} MB/s", size as f64 / 1e6 / seconds);
    }
    Ok(())
}
