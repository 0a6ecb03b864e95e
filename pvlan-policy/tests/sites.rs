//! The sites that documents and other tests rely on.

use skerry_policy::{Source, check, render};

fn load(name: &str) -> Source {
    let path = format!("{}/tests/data/{name}", env!("CARGO_MANIFEST_DIR"));
    Source {
        name: name.to_owned(),
        text: std::fs::read_to_string(path).unwrap(),
    }
}

#[test]
fn every_site_of_the_data_folder_compiles() {
    for name in ["sample.toml", "t1.toml", "t1-open.toml"] {
        let source = load(name);
        let checked = check(&source);
        let shown = render(&source, &checked.diagnostics, false);
        assert!(checked.fabric.is_some(), "{shown}");
        println!("{shown}");
    }
}
