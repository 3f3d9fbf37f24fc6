//! Lists the profiles, so that adding one is adding a file.

use std::{env, fs, path::PathBuf};

fn main() {
    let folder = PathBuf::from(env::var_os("CARGO_MANIFEST_DIR").expect("cargo sets it"))
        .join("../../profiles");
    println!("cargo::rerun-if-changed={}", folder.display());
    let mut list = String::from("[\n");
    let mut paths: Vec<PathBuf> = fs::read_dir(&folder)
        .expect("the profiles lie beside the crates")
        .map(|entry| entry.expect("a folder can be listed").path())
        .filter(|path| path.extension().is_some_and(|ending| ending == "toml"))
        .collect();
    paths.sort();
    for path in paths {
        let name = path.file_stem().expect("it has an ending").to_string_lossy().into_owned();
        if ["features", "services"].contains(&name.as_str()) {
            continue;
        }
        let path = path.canonicalize().expect("it was just listed");
        println!("cargo::rerun-if-changed={}", path.display());
        list += &format!("    ({name:?}, include_str!({:?})),\n", path.display().to_string());
    }
    list += "]\n";
    let output = PathBuf::from(env::var_os("OUT_DIR").expect("cargo sets it")).join("profiles.rs");
    fs::write(output, list).expect("cargo made this folder");
}
