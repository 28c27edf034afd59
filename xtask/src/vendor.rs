//! The page's npm packages: installed by npm, then copied as plain ES modules to where the browser finds them.
//!
//! A browser reads each of them as it lies, so the page is developed without a bundler; `cargo xtask dist` takes what it
//! uses of them into its own few scripts.

use crate::command::{node_program, output, run};
use crate::{digits, project};
use anyhow::{Context, Result, anyhow, bail};
use std::fs;
use std::path::Path;

/// The modules of the page: `www/vendor/{name}.js` is one file of an npm package.
const MODULES: [(&str, &str); 3] =
    [("comlink", "dist/esm/comlink.min.mjs"), ("fflate", "esm/browser.js"), ("idb", "build/index.js")];

/// The page's typeface, made by the Braille Institute to be told apart by weak eyes and from the last row.
const FONT: &str = "@fontsource-variable/atkinson-hyperlegible-next";
const FONT_FILE: &str = "files/atkinson-hyperlegible-next-latin-wght-normal.woff2";
const FONT_NAME: &str = "atkinson.woff2";

const PICTURES: &str = "@lobehub/fluent-emoji-3d";

/// The pictures' package names its licence, but carries no text of it.
const PICTURES_LICENCE: &str = "\
MIT License

Copyright (c) Microsoft Corporation (Fluent Emoji)
Copyright (c) 2023 LobeHub (the package)

Permission is hereby granted, free of charge, to any person obtaining a copy of this software and associated
documentation files (the \"Software\"), to deal in the Software without restriction, including without limitation the
rights to use, copy, modify, merge, publish, distribute, sublicense, and/or sell copies of the Software, and to permit
persons to whom the Software is furnished to do so, subject to the following conditions:

The above copyright notice and this permission notice shall be included in all copies or substantial portions of the
Software.

THE SOFTWARE IS PROVIDED \"AS IS\", WITHOUT WARRANTY OF ANY KIND, EXPRESS OR IMPLIED, INCLUDING BUT NOT LIMITED TO THE
WARRANTIES OF MERCHANTABILITY, FITNESS FOR A PARTICULAR PURPOSE AND NONINFRINGEMENT. IN NO EVENT SHALL THE AUTHORS OR
COPYRIGHT HOLDERS BE LIABLE FOR ANY CLAIM, DAMAGES OR OTHER LIABILITY, WHETHER IN AN ACTION OF CONTRACT, TORT OR
OTHERWISE, ARISING FROM, OUT OF OR IN CONNECTION WITH THE SOFTWARE OR THE USE OR OTHER DEALINGS IN THE SOFTWARE.
";

/// Makes `node_modules`, `www/vendor`, `www/digits` and `www/demo` what `package-lock.json` and `www/demo-pictures.json`
/// say.
pub fn vendor() -> Result<()> {
    install_packages()?;
    copy_modules()?;
    for (name, bytes) in digits::pack(&project().join("node_modules").join(digits::PACKAGE))? {
        write_if_changed(&project().join("www/digits").join(name), &bytes)?;
    }
    copy_demo_pictures()
}

/// Runs `npm ci` unless `node_modules` already holds what the lock file names.
pub fn install_packages() -> Result<()> {
    if is_installed(&json(&project().join("package-lock.json"))?) {
        return Ok(());
    }
    require_node()?;
    println!("Installing the page's npm packages (after a change of package-lock.json, usually 20 seconds)…");
    run(node_program("npm").args(["ci", "--no-audit", "--no-fund", "--loglevel=error"]))
}

/// Whether every package of the lock file is there in the version that it names; those for other systems need not be.
fn is_installed(lock: &serde_json::Value) -> bool {
    let Some(packages) = lock["packages"].as_object() else { return false };
    let needed = packages.iter().filter(|(folder, about)| !folder.is_empty() && about["optional"] != true);
    needed.into_iter().all(|(folder, about)| {
        json(&project().join(folder).join("package.json")).is_ok_and(|it| it["version"] == about["version"])
    })
}

/// The oldest Node.js that runs the page's tools: eslint's requirement.
fn require_node() -> Result<()> {
    let advice = "install the current LTS release from nodejs.org and try again";
    let version = output(node_program("node").arg("--version"))
        .ok_or_else(|| anyhow!("Node.js is missing: {advice}"))?;
    let mut numbers = version.trim_start_matches('v').split('.').map(|number| number.parse().unwrap_or(0));
    if (numbers.next().unwrap_or(0), numbers.next().unwrap_or(0)) < (20, 19) {
        bail!("Node.js is {version}, and the page's tools need 20.19 or newer: {advice}");
    }
    Ok(())
}

fn copy_modules() -> Result<()> {
    let to = project().join("www/vendor");
    let mut notices = String::from("The page contains these packages.\n");
    for (name, file) in MODULES {
        let package = project().join("node_modules").join(name);
        let script = read(&package.join(file))?;
        // The maps are not copied, so a browser would look for them in vain.
        let lines = script.lines().filter(|line| !line.starts_with("//# sourceMappingURL="));
        let script = lines.map(|line| format!("{line}\n")).collect::<String>();
        write_if_changed(&to.join(format!("{name}.js")), script.as_bytes())?;
        // What leads `tsc` to the package's own declarations.
        let types = format!("export * from \"{name}\";\n");
        write_if_changed(&to.join(format!("{name}.d.ts")), types.as_bytes())?;
        notices += &notice(name, &read(&package.join("LICENSE"))?)?;
    }
    let font = project().join("node_modules").join(FONT);
    let glyphs = fs::read(font.join(FONT_FILE)).with_context(|| format!("{FONT} has no {FONT_FILE}"))?;
    write_if_changed(&to.join(FONT_NAME), &glyphs)?;
    notices += &notice(FONT, &read(&font.join("LICENSE"))?)?;
    notices += &notice(PICTURES, PICTURES_LICENCE)?;
    notices += &format!("\n\n{}\n", digits::LICENCE.trim());
    write_if_changed(&to.join("LICENSES.txt"), notices.as_bytes())?;
    let others = ["LICENSES.txt".into(), FONT_NAME.into()];
    let modules = MODULES.iter().flat_map(|(name, _)| [format!("{name}.js"), format!("{name}.d.ts")]);
    keep_only(&to, &modules.chain(others).collect::<Vec<String>>())
}

/// One package's paragraph of LICENSES.txt.
fn notice(package: &str, licence: &str) -> Result<String> {
    let about = json(&project().join("node_modules").join(package).join("package.json"))?;
    let version = about["version"].as_str().unwrap_or("?");
    let spdx = about["license"].as_str().unwrap_or("?");
    Ok(format!("\n\n{package} {version} ({spdx})\n\n{}\n", licence.trim()))
}

/// Copies the pictures that `www/demo-pictures.json` lists, and removes those it no longer lists.
fn copy_demo_pictures() -> Result<()> {
    let from = project().join("node_modules").join(PICTURES).join("assets");
    let to = project().join("www/demo");
    let list = json(&project().join("www/demo-pictures.json"))?;
    let classes =
        list["classes"].as_array().context("www/demo-pictures.json: expects a list named classes")?;
    let files = classes.iter().flat_map(|class| class["files"].as_array().into_iter().flatten());
    let names: Vec<String> = files.filter_map(|file| file.as_str()).map(String::from).collect();
    for name in &names {
        let bytes = fs::read(from.join(name))
            .with_context(|| format!("www/demo-pictures.json: {PICTURES} has no picture named {name}"))?;
        write_if_changed(&to.join(name), &bytes)?;
    }
    keep_only(&to, &names)
}

/// Removes the files of `folder` that an earlier version had put there.
fn keep_only(folder: &Path, names: &[String]) -> Result<()> {
    for entry in fs::read_dir(folder).with_context(|| format!("{} cannot be read", folder.display()))? {
        let entry = entry?;
        if !names.iter().any(|name| entry.file_name() == **name) {
            fs::remove_file(entry.path())?;
        }
    }
    Ok(())
}

/// Writes only what differs, because Trunk watches these folders and would build again.
fn write_if_changed(path: &Path, bytes: &[u8]) -> Result<()> {
    if fs::read(path).is_ok_and(|old| old == bytes) {
        return Ok(());
    }
    fs::create_dir_all(path.parent().expect("a file lies in a folder"))?;
    fs::write(path, bytes).with_context(|| format!("{} cannot be written", path.display()))
}

fn read(path: &Path) -> Result<String> {
    fs::read_to_string(path).with_context(|| format!("{} cannot be read", path.display()))
}

fn json(path: &Path) -> Result<serde_json::Value> {
    serde_json::from_str(&read(path)?).with_context(|| format!("{} is not JSON", path.display()))
}
