//! How the container of a catalog is started: its command serves another folder afterwards, with the cache of what lies there.

use image_layers::image_json::{self, BrokenJson, Fields};
use image_layers::overlay::is_or_is_below;
use serde_json::Value;

use super::read::clean;

/// Where the cache goes if the command names no place: where catalogs are built with it, and where others look for it, such as
/// OLM with `extractContent`.
const USUAL_CACHE: &str = "tmp/cache";
/// Flags of `opm serve` whose value may be a word of its own.
const WITH_VALUE: [&str; 10] = [
    "--cache-dir",
    "--port",
    "-p",
    "--termination-log",
    "-t",
    "--timeout-seconds",
    "--pprof-addr",
    "--ca-file",
    "--database",
    "--log-level",
];
const CACHE_FLAG: &str = "--cache-dir";

/// What a command shall serve.
#[derive(Debug, Clone, Copy)]
pub(super) struct Serving<'a> {
    /// The folder that the command served, if the image names one; no slashes around it.
    pub(super) old: Option<&'a str>,
    /// The folder that it serves from now on, likewise.
    pub(super) new: &'a str,
    /// Whether there is a cache of that folder. If there is none, no command may name one.
    pub(super) has_cache: bool,
}

/// Changes entrypoint and command of an image's settings. Gives the folder of the cache, without slashes around it.
///
/// Words stay where they stand; only the folder changes. A shell script is changed word by word. A program that is not known
/// keeps its command.
///
/// # Errors
/// When entrypoint or command are no lists of texts.
pub(super) fn serve(settings: &mut Fields, serving: Serving<'_>) -> Result<String, BrokenJson> {
    let (entrypoint, command) = (texts(settings, "Entrypoint")?, texts(settings, "Cmd")?);
    let working_dir = settings.get("WorkingDir").and_then(Value::as_str).unwrap_or_default().to_owned();
    let serving = Changing { serving, working_dir: &working_dir };
    let part = |words: &Option<Vec<String>>, in_command| -> Vec<Word> {
        words.iter().flatten().map(|text| Word { in_command, text: text.clone() }).collect()
    };
    let mut words = [part(&entrypoint, false), part(&command, true)].concat();
    if let Some(cache) = serving.change(&mut words) {
        for (field, in_command, was_there) in
            [("Entrypoint", false, entrypoint.is_some()), ("Cmd", true, command.is_some())]
        {
            let words: Vec<Value> = words
                .iter()
                .filter(|word| word.in_command == in_command)
                .map(|word| word.text.as_str().into())
                .collect();
            if was_there || !words.is_empty() {
                settings.insert(field.to_owned(), words.into());
            }
        }
        return Ok(cache);
    }
    for (field, list) in [("Entrypoint", &entrypoint), ("Cmd", &command)] {
        let Some(list) = list else { continue };
        let mut list = list.clone();
        let changed = list.iter_mut().find_map(|word| serving.change_script(word));
        if let Some(cache) = changed {
            settings.insert(field.to_owned(), list.into());
            return Ok(cache);
        }
    }
    let is_opm = |word: &String| word.rsplit('/').next() == Some("opm");
    let entrypoint = entrypoint.unwrap_or_default();
    let command = command.unwrap_or_default();
    let mut new: Vec<String> = match (entrypoint.last(), command.first()) {
        (Some(program), _) if is_opm(program) => Vec::new(),
        (None, Some(program)) if is_opm(program) => vec![program.clone()],
        (None, None) => Vec::new(),
        // Nobody knows what the program makes of arguments.
        _ => return Ok(USUAL_CACHE.to_owned()),
    };
    new.extend(["serve".to_owned(), format!("/{}", serving.serving.new)]);
    settings.insert("Cmd".to_owned(), new.into());
    Ok(USUAL_CACHE.to_owned())
}

fn texts(settings: &mut Fields, field: &'static str) -> Result<Option<Vec<String>>, BrokenJson> {
    let Some(items) = image_json::list(settings, field)? else { return Ok(None) };
    let texts = items.iter().map(|item| match item {
        Value::String(text) => Ok(text.clone()),
        other => Err(BrokenJson::Kind { field, expected: "a list of texts", found: image_json::kind(other) }),
    });
    texts.collect::<Result<Vec<String>, BrokenJson>>().map(Some)
}

/// A word of the whole command.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Word {
    /// Whether it stands in the command and not in the entrypoint.
    in_command: bool,
    text: String,
}

struct Changing<'a> {
    serving: Serving<'a>,
    working_dir: &'a str,
}

impl Changing<'_> {
    /// Changes the words of `opm ... serve ...`. None if they are something else.
    fn change(&self, words: &mut Vec<Word>) -> Option<String> {
        let serve = words.iter().position(|word| word.text == "serve")?;
        if words.iter().take(serve).any(|word| word.text.rsplit('/').next() == Some("registry")) {
            return None;
        }
        let mut folders = Vec::new();
        let mut caches: Vec<Cache> = Vec::new();
        let mut at = serve + 1;
        while let Some(word) = words.get(at) {
            let text = word.text.as_str();
            if let Some(value) = text.strip_prefix(CACHE_FLAG).and_then(|rest| rest.strip_prefix('=')) {
                caches.push(Cache { flag: at, value: at, text: value.to_owned() });
            } else if WITH_VALUE.contains(&text) {
                if let (true, Some(value)) = (text == CACHE_FLAG, words.get(at + 1)) {
                    caches.push(Cache { flag: at, value: at + 1, text: value.text.clone() });
                }
                at += 1;
            } else if !text.starts_with('-') {
                folders.push(at);
            }
            at += 1;
        }
        let is_old = |at: &&usize| {
            let folder = words.get(**at).and_then(|word| clean(word.text.as_bytes()));
            folder.is_some() && folder.as_deref() == self.serving.old
        };
        let folder = folders.iter().find(is_old).or(folders.first()).copied();
        // Of a repeated flag the last one counts.
        let cache = caches.last().filter(|cache| !cache.text.is_empty()).map(|cache| self.usable(&cache.text));
        if let Some(word) = folder.and_then(|at| words.get_mut(at)) {
            word.text = format!("/{}", self.serving.new);
        }
        for Cache { flag, value, .. } in caches.iter().rev() {
            if !self.serving.has_cache {
                words.drain(*flag..=*value);
            } else if matches!(cache, Some(None))
                && let Some(word) = words.get_mut(*value)
            {
                let prefix = if flag == value { "--cache-dir=" } else { "" };
                word.text = format!("{prefix}/{USUAL_CACHE}");
            }
        }
        if folder.is_none() {
            let in_command = words.get(serve + 1).is_none_or(|word| word.in_command);
            words.insert(serve + 1, Word { in_command, text: format!("/{}", self.serving.new) });
        }
        Some(cache.flatten().unwrap_or_else(|| USUAL_CACHE.to_owned()))
    }

    /// The folder of a cache, without slashes around it. None if no cache can be put there.
    fn usable(&self, text: &str) -> Option<String> {
        let path = if text.starts_with('/') { text.to_owned() } else { format!("/{}/{text}", self.working_dir) };
        let new = self.serving.new;
        let folder = clean(path.as_bytes()).filter(|_| !text.contains(['$', '`', '"', '\'', '\\', '*']))?;
        let is_in = |path: &str, folder: &str| is_or_is_below(path, |above| above == folder);
        let is_free = !is_in(&folder, new) && !is_in(new, &folder);
        let is_visible = folder.split('/').all(|part| !part.starts_with(".wh."));
        (is_free && is_visible).then_some(folder)
    }

    /// Changes the first `opm serve` of a shell script. None if there is none.
    fn change_script(&self, script: &mut String) -> Option<String> {
        const ENDS: [&str; 6] = ["&&", "||", "|", ";", "&", "\\"];
        if !script.contains(char::is_whitespace) {
            return None;
        }
        // Every word with the blanks before it.
        let mut words: Vec<(String, String)> = Vec::new();
        let mut rest = script.as_str();
        while !rest.is_empty() {
            let blanks = rest.len() - rest.trim_start().len();
            let (before, word) = rest.split_at(blanks);
            let end = word.find(char::is_whitespace).unwrap_or(word.len());
            let (word, after) = word.split_at(end);
            words.push((before.to_owned(), word.to_owned()));
            rest = after;
        }
        let is_program = |word: &str| word.rsplit('/').next() == Some("opm");
        let start = words.iter().position(|(_, word)| is_program(word))?;
        let mut command: Vec<Word> = words
            .iter()
            .skip(start)
            .map(|(_, word)| word)
            .take_while(|word| !ENDS.contains(&word.as_str()))
            .map(|text| Word { in_command: true, text: text.clone() })
            .collect();
        let is_plain =
            |word: &Word| !word.text.contains([';', '&', '|', '<', '>', '(', ')', '$', '`', '"', '\'', '\\']);
        let serves_old =
            |word: &Word| self.serving.old.is_some_and(|old| clean(word.text.as_bytes()).as_deref() == Some(old));
        // More than that is for a shell to understand.
        if !command.iter().all(is_plain) || !command.iter().any(serves_old) {
            return None;
        }
        let length = command.len();
        let cache = self.change(&mut command)?;
        let mut out = String::new();
        for (before, word) in words.iter().take(start) {
            out.push_str(before);
            out.push_str(word);
        }
        for (at, word) in command.iter().enumerate() {
            let before = words.get(start).map_or("", |(before, _)| before.as_str());
            out.push_str(if at == 0 { before } else { " " });
            out.push_str(&word.text);
        }
        for (before, word) in words.iter().skip(start + length) {
            out.push_str(before);
            out.push_str(word);
        }
        *script = out;
        Some(cache)
    }
}

/// A flag that names the cache: its place, that of its value, and the value.
struct Cache {
    flag: usize,
    value: usize,
    text: String,
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn changed(settings: &Value, old: &str, has_cache: bool) -> (Value, String) {
        let mut fields = settings.as_object().unwrap().clone();
        let cache = serve(&mut fields, Serving { old: Some(old), new: "configs", has_cache }).unwrap();
        (Value::Object(fields), cache)
    }

    #[test]
    fn commands_of_every_shape() {
        let check = |entrypoint: Value, command: Value, new_entrypoint: Value, new_command: Value, cache: &str| {
            let settings = json!({"Entrypoint": entrypoint, "Cmd": command});
            let expected = json!({"Entrypoint": new_entrypoint, "Cmd": new_command});
            for old in ["configs", "var/catalog"] {
                let at = |value: &Value| -> Value {
                    serde_json::from_str(&value.to_string().replace("/configs", &format!("/{old}"))).unwrap()
                };
                assert_eq!(
                    changed(&at(&settings), old, true),
                    (expected.clone(), cache.to_owned()),
                    "{settings} {old}"
                );
            }
        };
        let same = |entrypoint: Value, command: Value, cache: &str| {
            check(entrypoint.clone(), command.clone(), entrypoint, command, cache);
        };
        let (opm, none) = (json!(["/bin/opm"]), Value::Null);
        same(opm.clone(), json!(["serve", "/configs", "--cache-dir=/tmp/cache"]), "tmp/cache");
        same(opm.clone(), json!(["serve", "/configs", "--cache-dir", "/var/cache/opm/"]), "var/cache/opm");
        same(opm.clone(), json!(["serve", "--cache-dir", "/c", "/configs", "-p", "50051"]), "c");
        same(opm.clone(), json!(["serve", "-p", "50051", "/configs"]), "tmp/cache");
        same(json!(["/bin/opm", "serve", "/configs"]), none.clone(), "tmp/cache");
        same(json!(["/bin/opm", "serve", "/configs"]), json!([]), "tmp/cache");
        same(json!(["/bin/opm", "serve", "/configs"]), json!(["--cache-dir=/c"]), "c");
        same(json!(["/bin/opm", "serve"]), json!(["/configs", "--pprof-addr", "x"]), "tmp/cache");
        same(none.clone(), json!(["/bin/opm", "serve", "/configs"]), "tmp/cache");
        same(none.clone(), json!(["/bin/opm", "--debug", "serve", "/configs", "--cache-dir=/c"]), "c");
        same(json!(["/bin/sh", "-c"]), json!(["exec /bin/opm serve /configs --cache-dir=/c && true"]), "c");
        same(json!(["/bin/sh", "-c", "opm serve /configs"]), none.clone(), "tmp/cache");
        // The last of several flags counts; an empty one is none.
        same(opm.clone(), json!(["serve", "/configs", "--cache-dir=/a", "--cache-dir=/b"]), "b");
        same(opm.clone(), json!(["serve", "/configs", "--cache-dir="]), "tmp/cache");
        // Nothing names a folder.
        check(opm.clone(), json!(["serve"]), opm.clone(), json!(["serve", "/configs"]), "tmp/cache");
        check(opm.clone(), none.clone(), opm.clone(), json!(["serve", "/configs"]), "tmp/cache");
        check(opm.clone(), json!(["--help"]), opm.clone(), json!(["serve", "/configs"]), "tmp/cache");
        let whole = json!(["/bin/opm", "serve"]);
        check(whole.clone(), none.clone(), whole, json!(["/configs"]), "tmp/cache");
        check(none.clone(), json!(["opm"]), none.clone(), json!(["opm", "serve", "/configs"]), "tmp/cache");
        check(none.clone(), none.clone(), none.clone(), json!(["serve", "/configs"]), "tmp/cache");
        // Somebody else's program, and scripts that only a shell understands.
        same(json!(["/bin/sh", "-c"]), json!(["opm serve \"$DIR\" --cache-dir=/c"]), "tmp/cache");
        same(json!(["/entrypoint.sh"]), json!(["--quiet"]), "tmp/cache");
        same(json!(["/bin/registry", "serve"]), json!(["--database", "x.db"]), "tmp/cache");
        // No cache can be put there.
        for folder in ["/", "/configs", "/configs/cache", "/a/../b", "$CACHE"] {
            let mut fields =
                json!({"Cmd": ["serve", "/var/catalog", "--cache-dir", folder]}).as_object().unwrap().clone();
            let serving = Serving { old: Some("var/catalog"), new: "configs", has_cache: true };
            assert_eq!(serve(&mut fields, serving).unwrap(), "tmp/cache");
            assert_eq!(fields["Cmd"], json!(["serve", "/configs", "--cache-dir", "/tmp/cache"]), "{folder}");
        }
    }

    #[test]
    fn relative_folders_lie_in_the_working_folder() {
        let check = |working_dir: &str, cache: &str| {
            let settings = json!({"Cmd": ["serve", "/configs", "--cache-dir=x/y"], "WorkingDir": working_dir});
            assert_eq!(changed(&settings, "configs", true), (settings, cache.to_owned()));
        };
        check("", "x/y");
        check("/srv", "srv/x/y");
    }

    #[test]
    fn without_a_cache_no_command_names_one() {
        let check = |command: Value, expected: Value| {
            let (settings, _) = changed(&json!({"Entrypoint": ["/bin/opm"], "Cmd": command}), "configs", false);
            assert_eq!(settings["Cmd"], expected);
        };
        check(json!(["serve", "/configs", "--cache-dir=/tmp/cache"]), json!(["serve", "/configs"]));
        check(json!(["serve", "--cache-dir", "/c", "/configs", "--cache-dir=/d"]), json!(["serve", "/configs"]));
        check(json!(["serve", "/configs", "--debug"]), json!(["serve", "/configs", "--debug"]));
    }

    #[test]
    fn commands_that_are_no_texts() {
        let check = |settings: Value, expected: &str| {
            let mut fields = settings.as_object().unwrap().clone();
            let serving = Serving { old: None, new: "configs", has_cache: true };
            assert_eq!(serve(&mut fields, serving).unwrap_err().to_string(), expected);
        };
        check(json!({"Cmd": "serve"}), "its `Cmd` must be a list, found a text");
        check(json!({"Entrypoint": [1]}), "its `Entrypoint` must be a list of texts, found a number");
    }
}
