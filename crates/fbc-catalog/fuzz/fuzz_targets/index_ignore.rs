//! Any `.indexignore` files beside any paths: reading ends soon, and a file that no rule of its own folders or of those above names
//! is read.
#![no_main]

use fbc_catalog::Catalog;
use libfuzzer_sys::fuzz_target;

const PACKAGE: &str = r#"{"schema":"olm.package","name":"NAME","defaultChannel":"stable"}"#;

fuzz_target!(|data: &[u8]| {
    // Lines, of which the first says where the rules lie and what they are held against.
    let text = String::from_utf8_lossy(data);
    let (first, rules) = text.split_once('\n').unwrap_or((&text, ""));
    let names: Vec<&str> = first.split(' ').filter(|name| !name.is_empty()).take(16).collect();
    let document = |at: usize| PACKAGE.replace("NAME", &format!("p{at}"));
    let read = |rules: &str| {
        let files = names.iter().enumerate().map(|(at, name)| (format!("{name}/catalog.json"), document(at)));
        let ignoring = names.first().into_iter().map(|name| (format!("{name}/.indexignore"), rules.to_owned()));
        let root = [(".indexignore".to_owned(), rules.to_owned())];
        let whole = Catalog::read(files.clone().chain(root).collect::<Vec<_>>());
        let part = Catalog::read(files.chain(ignoring).collect::<Vec<_>>());
        [whole, part].map(|catalog| catalog.map_or(0, |catalog| catalog.packages.len()))
    };
    let (with, without) = (read(rules), read(""));
    // Rules only ever take away. Packages without channels are mistakes of their own, and read all the same.
    assert!(with.iter().zip(without).all(|(with, without)| *with <= without.max(names.len())));
});
