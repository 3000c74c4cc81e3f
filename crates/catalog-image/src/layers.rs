//! Which layers can hold the catalog, so that the others need not be read.

use serde_json::Value;

/// How many layers from the bottom need not be read, going by the history of the image.
///
/// Builders note for every layer the instruction that made it, and catalogs come in by an instruction that names their
/// folder. Below the first such layer lies the base image. Where the history does not match the layers, or nothing in it
/// names the folder, every layer counts. A caller that finds no catalog in the layers left reads the rest as well.
pub fn layers_to_read(config: &Value, folder: &str, layers: usize) -> std::ops::Range<usize> {
    let Some(history) = config["history"].as_array() else { return 0..layers };
    let made: Vec<&Value> = history.iter().filter(|item| item["empty_layer"].as_bool() != Some(true)).collect();
    if made.len() != layers {
        return 0..layers;
    }
    let needle = format!("/{folder}");
    let names = |item: &&Value| item["created_by"].as_str().is_some_and(|by| by.contains(&needle));
    made.iter().position(names).unwrap_or(0)..layers
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn layers_below_the_first_that_names_the_folder() {
        let by = |text: &str| json!({"created_by": text});
        let empty = json!({"created_by": "LABEL x=/configs", "empty_layer": true});
        let base = by("ADD file:1 in /");
        let add = by("ADD catalog /configs");
        let run = by("RUN /bin/opm serve /configs --cache-only");
        let check = |history: Value, layers: usize, expected: std::ops::Range<usize>| {
            assert_eq!(layers_to_read(&json!({"history": history}), "configs", layers), expected, "{history}");
        };
        check(json!([base, base, add, empty, run]), 4, 2..4);
        check(json!([base, empty, add]), 2, 1..2);
        check(json!([add]), 1, 0..1);
        // Nothing names it, or the history tells of other layers.
        check(json!([base, base]), 2, 0..2);
        check(json!([base, add]), 3, 0..3);
        check(json!([]), 2, 0..2);
        check(json!(null), 2, 0..2);
    }
}
