//! Writes selections of real catalogs with the caches that belong to them, for whoever has an `opm` to judge them.
//!
//! `cargo run -p fbc-catalog --example opm_cache -- OUT FOLDER...`: each folder below FOLDER is read as a catalog of one package. The
//! package's default selection goes to `OUT/<n>/configs`, its cache to `OUT/<n>/cache`.

#![expect(clippy::print_stdout, reason = "an example prints its answer")]

use std::path::Path;

use fbc_catalog::opm_cache::{Modes, build};
use fbc_catalog::{Catalog, PackageRequest, Request, RuleSet, select, write};

type Files = Vec<(String, Vec<u8>)>;

fn main() {
    let mut arguments = std::env::args().skip(1);
    let out = arguments.next().expect("the folder to write to");
    let mut count = 0;
    for folder in arguments {
        for package in std::fs::read_dir(folder).expect("a folder").map(|entry| entry.expect("an entry").path()) {
            let files = std::fs::read_dir(&package).expect("a folder of a package").map(|entry| {
                let path = entry.expect("an entry").path();
                (path.display().to_string(), std::fs::read(&path).expect("a file"))
            });
            let catalog = Catalog::read(files).expect("a catalog");
            // A folder may have another name than its package.
            let names = catalog.packages.iter().map(|package| package.name.clone());
            let each = names
                .flat_map(|name| [RuleSet::VersionRange, RuleSet::UpgradeGraph].map(|rules| (name.clone(), rules)));
            for (name, rules) in each {
                let wanted = PackageRequest { name: name.clone(), ..PackageRequest::default() };
                let request = Request { packages: vec![wanted], ..Request::default() };
                let selected = match select(&catalog, &request, rules) {
                    Ok(selected) => selected,
                    Err(error) => {
                        println!("{name}: not selected: {error}");
                        continue;
                    }
                };
                let configs = write(&selected.catalog).expect("names of folders");
                match build(&configs, Modes::READABLE) {
                    Ok(cache) => {
                        count += 1;
                        let out = Path::new(&out).join(count.to_string());
                        store(&out.join("configs"), &configs);
                        store(&out.join("cache"), &cache);
                    }
                    Err(error) => println!("{name}: no cache: {error}"),
                }
            }
        }
    }
    println!("{count} caches");
}

fn store(folder: &Path, files: &Files) {
    for (path, bytes) in files {
        let path = folder.join(path);
        std::fs::create_dir_all(path.parent().expect("a folder")).expect("a new folder");
        std::fs::write(path, bytes).expect("a new file");
    }
}
