//! Moves one blob and tells how fast: `transfer pull HOST/PATH DIGEST SIZE FILE`, `transfer push HOST/PATH FILE`.
//!
//! For measuring against curl on the same blob; TLS is not verified.

use std::error::Error;
use std::sync::Arc;
use std::time::Instant;

use image_ref::{Algorithm, Repository};
use oci_transport::{BlobSource as _, Client, ClientOptions, Descriptor, FileSink, FileSource, Hasher};

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
        ["push", repository, file] => {
            let at = client.endpoint(&repository.parse::<Repository>()?);
            let source = FileSource::new(file)?;
            let mut hasher = Hasher::new(Algorithm::Sha256);
            let mut reader = source.open(0)?;
            let mut buffer = vec![0; 1 << 20];
            loop {
                match reader.read(&mut buffer)? {
                    0 => break,
                    count => hasher.update(&buffer[..count]),
                }
            }
            let blob = Descriptor::new("", hasher.finish(), source.size());
            let start = Instant::now();
            client.push_blob(&at, &blob, Arc::new(source), &|_| {}).await?;
            (blob.size, start)
        }
        _ => return Err("expected `pull HOST/PATH DIGEST SIZE FILE` or `push HOST/PATH FILE`".into()),
    };
    let seconds = start.elapsed().as_secs_f64();
    #[expect(clippy::print_stdout, reason = "the figure is the purpose of this program")]
    {
        println!("{seconds:.3} s, {:.0} MB/s", size as f64 / 1e6 / seconds);
    }
    Ok(())
}
