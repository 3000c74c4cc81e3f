//! Layers as they come, and as nobody should make them.

use test_support::Layer;

use super::*;

type Files<'a> = &'a [(&'a str, &'a str)];

fn layer(files: Files<'_>) -> Layer {
    Layer::tar_gz(files.iter().map(|(path, content)| (*path, content.as_bytes())))
}

fn read(layers: &[Layer]) -> Vec<(String, String)> {
    let mut reader = ConfigsReader::new("configs", Limits::default());
    for layer in layers.iter().rev() {
        if reader.is_complete() {
            break;
        }
        reader.layer(&layer.bytes[..]).unwrap();
    }
    let text = |bytes| String::from_utf8(bytes).unwrap();
    reader.into_files().into_iter().map(|(path, bytes)| (path, text(bytes))).collect()
}

#[track_caller]
fn check(layers: &[Files<'_>], expected: Files<'_>) {
    let layers: Vec<Layer> = layers.iter().map(|files| layer(files)).collect();
    let found = read(&layers);
    let found: Vec<(&str, &str)> = found.iter().map(|(path, text)| (path.as_str(), text.as_str())).collect();
    assert_eq!(found, expected);
}

#[test]
fn layers_are_stacked() {
    check(&[], &[]);
    check(&[&[("bin/opm", "x")]], &[]);
    check(&[&[("configs/a/c.json", "1")]], &[("a/c.json", "1")]);
    check(&[&[("configs/a", "1"), ("configs/b", "2")], &[("configs/a", "3")]], &[("a", "3"), ("b", "2")]);
    // Only the folder itself counts, not names that look like it.
    check(&[&[("usr/share/configs-doc/x", "1"), ("configs2/x", "2"), ("etc/configs/x", "3")]], &[]);
}

#[test]
fn whiteouts() {
    let base: Files<'_> = &[("configs/a/c", "1"), ("configs/b/c", "2"), ("tmp/x", "3")];
    check(&[base, &[("configs/.wh.a", "")]], &[("b/c", "2")]);
    check(&[base, &[("configs/a/.wh.c", "")]], &[("b/c", "2")]);
    check(&[base, &[(".wh.configs", "")]], &[]);
    check(&[base, &[(".wh.configs", "")], &[("configs/n", "4")]], &[("n", "4")]);
    check(&[base, &[(".wh.configs", ""), ("configs/n", "4")]], &[("n", "4")]);
    check(&[base, &[("configs/.wh..wh..opq", ""), ("configs/n", "4")]], &[("n", "4")]);
    check(&[base, &[("configs/a/.wh..wh..opq", ""), ("configs/a/n", "4")]], &[("a/n", "4"), ("b/c", "2")]);
    check(&[base, &[(".wh..wh..opq", "")]], &[]);
    // A whiteout takes away what lower layers have, not what comes back above it.
    check(&[base, &[("configs/.wh.a", "")], &[("configs/a/c", "5")]], &[("a/c", "5"), ("b/c", "2")]);
}

#[test]
fn files_and_folders_replace_each_other() {
    check(&[&[("configs/a/c", "1")], &[("configs/a", "2")]], &[("a", "2")]);
    check(&[&[("configs/a", "1")], &[("configs/a/c", "2")]], &[("a/c", "2")]);
    check(&[&[("configs/a", "1")], &[("configs", "2")]], &[]);
    // Entries alone, without any for the folders. Of one layer, what comes later counts.
    let file = |name: &'static str, text: &'static str| (EntryType::Regular, name.as_bytes(), text);
    let entries = |entries: &[(EntryType, &[u8], &str)], expected: Files<'_>| check_raw(&[&raw(entries)], expected);
    entries(&[file("configs/a", "1"), file("configs/a/b/c", "2")], &[("a/b/c", "2")]);
    entries(
        &[file("configs/a/b/c", "1"), file("configs/a-b", "2"), file("configs/a", "3")],
        &[("a", "3"), ("a-b", "2")],
    );
    entries(&[file("configs/a", "1"), (EntryType::Directory, b"configs/a/", "")], &[]);
    entries(&[file("configs/a/c", "1"), (EntryType::Directory, b"configs/a/", "")], &[("a/c", "1")]);
    entries(&[file("configs/a/c", "1"), (EntryType::Symlink, b"configs/a", "b")], &[]);
    let (lower, upper) = (raw(&[file("configs/a", "1")]), raw(&[file("configs/a/c", "2")]));
    check_raw(&[&lower, &upper], &[("a/c", "2")]);
    check_raw(&[&upper, &lower], &[("a", "1")]);
}

/// A tar of one entry for each of these: kind, name as it stands there, and what it links to or holds.
fn raw(entries: &[(EntryType, &[u8], &str)]) -> Vec<u8> {
    let mut tar = tar::Builder::new(Vec::new());
    for (kind, name, text) in entries {
        let mut header = tar::Header::new_gnu();
        header.set_entry_type(*kind);
        header.as_old_mut().name[..name.len()].copy_from_slice(name);
        let is_link = matches!(kind, EntryType::Symlink | EntryType::Link);
        let content = if is_link { "" } else { text };
        if is_link {
            header.set_link_name(text).unwrap();
        }
        header.set_mode(0o644);
        header.set_size(content.len() as u64);
        header.set_cksum();
        tar.append(&header, content.as_bytes()).unwrap();
    }
    tar.into_inner().unwrap()
}

#[track_caller]
fn check_raw(layers: &[&[u8]], expected: Files<'_>) {
    let mut reader = ConfigsReader::new("configs", Limits::default());
    for layer in layers.iter().rev() {
        if !reader.is_complete() {
            reader.layer(*layer).unwrap();
        }
    }
    let files = reader.into_files();
    let found: Vec<(&str, &[u8])> = files.iter().map(|(path, bytes)| (path.as_str(), bytes.as_slice())).collect();
    let expected: Vec<(&str, &[u8])> = expected.iter().map(|(path, text)| (*path, text.as_bytes())).collect();
    assert_eq!(found, expected);
}

/// Nothing is followed, and nothing shows through what is no file.
#[test]
fn links_and_devices_are_no_files() {
    use EntryType::{Char, Directory, Fifo, Link, Regular, Symlink};
    let base = raw(&[
        (Regular, b"etc/passwd", "secret"),
        (Directory, b"configs/", ""),
        (Regular, b"configs/a/c", "1"),
        (Regular, b"configs/b", "2"),
    ]);
    let check = |layer: &[(EntryType, &[u8], &str)], expected: Files<'_>| {
        check_raw(&[&base, &raw(layer)], expected);
    };
    check(&[(Symlink, b"configs/p", "/etc/passwd")], &[("a/c", "1"), ("b", "2")]);
    check(&[(Link, b"configs/p", "etc/passwd")], &[("a/c", "1"), ("b", "2")]);
    check(&[(Char, b"configs/p", ""), (Fifo, b"configs/q", "")], &[("a/c", "1"), ("b", "2")]);
    check(&[(Symlink, b"configs/b", "a/c")], &[("a/c", "1")]);
    check(&[(Symlink, b"configs/a", "../etc")], &[("b", "2")]);
    check(&[(Symlink, b"configs", "/etc")], &[]);
    check(&[(Link, b"configs", "etc")], &[]);
    // Of one name the last one counts.
    check(&[(Symlink, b"configs/b", "a/c"), (Regular, b"configs/b", "3")], &[("a/c", "1"), ("b", "3")]);
    check(&[(Regular, b"configs/b", "3"), (Symlink, b"configs/b", "a/c")], &[("a/c", "1")]);
}

#[test]
fn names_are_what_they_come_to() {
    use EntryType::Regular;
    let names: [&[u8]; 9] = [
        b"./configs/a",
        b"/configs/b",
        b"configs//c/./d",
        b"configs/../configs/e",
        b"../configs/f",
        b"configs/../../etc/g",
        b"configs/\xff",
        b"configs/\xfe",
        b"\xffconfigs/h",
    ];
    let entries: Vec<(EntryType, &[u8], &str)> = names.iter().map(|name| (Regular, *name, "1")).collect();
    check_raw(&[&raw(&entries)], &[("\\xfe", "1"), ("\\xff", "1"), ("a", "1"), ("b", "1"), ("c/d", "1")]);
    // Names that do not fit into a header, in both ways of writing them.
    let long = format!("configs/{}/c", "n".repeat(300));
    let mut tar = tar::Builder::new(Vec::new());
    let mut header = tar::Header::new_gnu();
    header.set_size(1);
    tar.append_data(&mut header, &long, &b"1"[..]).unwrap();
    tar.append_pax_extensions([("path", "configs/pax".as_bytes())]).unwrap();
    header.set_path("short").unwrap();
    header.set_cksum();
    tar.append(&header, &b"2"[..]).unwrap();
    check_raw(&[&tar.into_inner().unwrap()], &[(&long["configs/".len()..], "1"), ("pax", "2")]);
}

/// What stands before an entry is held in memory by the tar reader.
#[test]
fn names_have_an_end() {
    let huge = "n".repeat(1 << 20);
    for kind in [EntryType::GNULongName, EntryType::GNULongLink, EntryType::XHeader] {
        for before in [&b""[..], b"etc/large"] {
            let mut entries = vec![(kind, b"name".as_slice(), huge.as_str()), (EntryType::Regular, b"configs/a", "1")];
            // The content of an entry before it takes nothing away from it, and gives nothing to it.
            if !before.is_empty() {
                entries.insert(0, (EntryType::Regular, before, huge.as_str()));
            }
            let error = ConfigsReader::new("configs", Limits::default()).layer(&raw(&entries)[..]).unwrap_err();
            let expected = "the layer is refused: more than 1048576 bytes of headers for one entry";
            assert_eq!(error.to_string(), expected, "{kind:?}");
        }
    }
    // A sparse file promises more than it has.
    let mut sparse = tar::Header::new_gnu();
    sparse.set_entry_type(EntryType::GNUSparse);
    sparse.set_path("etc/sparse").unwrap();
    sparse.set_size(0);
    let gnu = sparse.as_gnu_mut().unwrap();
    gnu.set_real_size(1 << 30);
    gnu.sparse[0].set_offset(1 << 30);
    gnu.sparse[0].set_length(0);
    sparse.set_cksum();
    let mut tar = tar::Builder::new(Vec::new());
    tar.append(&sparse, &b""[..]).unwrap();
    let mut tar = tar.into_inner().unwrap();
    tar.truncate(512);
    let rest = |huge: &str| raw(&[(EntryType::GNULongName, b"name", huge), (EntryType::Regular, b"configs/a", "1")]);
    check_raw(&[&[tar.clone(), rest("configs/b")].concat()], &[("b", "1")]);
    tar.extend(rest(&huge));
    assert!(ConfigsReader::new("configs", Limits::default()).layer(&tar[..]).is_err());
}

#[test]
fn compressions() {
    let files = || [("configs/a", b"1".as_slice())];
    for layer in [Layer::tar_gz(files()), Layer::zstd(files()), Layer::tar(files())] {
        assert_eq!(read(&[layer]), [("a".to_owned(), "1".to_owned())]);
    }
}

#[test]
fn bounds() {
    let refused =
        |limits: Limits, bytes: &[u8]| ConfigsReader::new("configs", limits).layer(bytes).unwrap_err().to_string();
    let zeros = vec![0; 1 << 20];
    let bomb = Layer::tar_gz([("configs/a", zeros.as_slice()), ("configs/b", b"1")]);
    let kept = Limits { kept_bytes: 1000, ..Limits::default() };
    assert_eq!(refused(kept, &bomb.bytes), "the layer is refused: more than 1000 bytes of catalog");
    let layer = |layers: TarLimits| Limits { layers, ..Limits::default() };
    let unpacked = layer(TarLimits { bytes: 10_000, ..TarLimits::LAYER });
    assert_eq!(refused(unpacked, &bomb.bytes), "the layer is refused: more than 10000 bytes unpacked");
    let entries = layer(TarLimits { entries: 1, ..TarLimits::LAYER });
    assert_eq!(refused(entries, &bomb.bytes), "the layer is refused: more than 1 entries");
    // The layers of a catalog have one bound together.
    let mut reader = ConfigsReader::new("configs", layer(TarLimits { bytes: 3 << 20, ..TarLimits::LAYER }));
    assert!(reader.layer(&bomb.bytes[..]).is_ok() && reader.layer(&bomb.bytes[..]).is_ok());
    let refused_later = reader.layer(&bomb.bytes[..]).unwrap_err().to_string();
    assert_eq!(refused_later, "the layer is refused: more than 3145728 bytes unpacked");
    // Names that are kept count, also when nothing is behind them.
    let gone: Vec<String> = (0..100).map(|number| format!("a/.wh.{number:020}")).collect();
    let gone = Layer::zstd(gone.iter().map(|path| (path.as_str(), b"".as_slice())));
    assert_eq!(refused(kept, &gone.bytes), "the layer is refused: more than 1000 bytes of catalog");
    // Cut off in the middle.
    assert_eq!(refused(Limits::default(), &bomb.bytes[..bomb.bytes.len() / 2]), "the layer cannot be read");
}
