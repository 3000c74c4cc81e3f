//! Questions that Go's own `text/template` has answered.

use std::path::Path;

use go_template::Limits;
use serde_json::Value;

use crate::world::run;

#[test]
fn templates_answer_as_go_does() {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/go-answers.jsonl");
    let text = std::fs::read_to_string(file).unwrap();
    let mut rows = text.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
    let data = rows.next().unwrap()["D"].take();
    let mut count = 0;
    for row in rows {
        let (template, missing) = (row["T"].as_str().unwrap(), row["M"].as_str().unwrap_or_default());
        let found = run(template, missing, &data, Limits::default());
        let expected = match row["o"].as_str() {
            Some(text) => Ok(text.to_owned()),
            None => Err(row["e"].as_str().unwrap().to_owned()),
        };
        assert_eq!(found, expected, "{template:?} missingkey={missing}");
        count += 1;
    }
    assert!(count > 1000, "only {count} rows were compared");
}
