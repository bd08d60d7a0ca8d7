//! The transcripts of README.md, and of the guides that have any, are what the program prints.
//!
//! A page is played from top to bottom in a fresh copy of the shipped repository with an empty sandbox: a block that follows
//! `<!-- file: PATH -->` is written to that file; in a `console` block, lines that begin with `$ ` are given to a shell, and what follows
//! must be what is printed, stdout and stderr as they come. `[…]` stands for whatever is left out or is never the same twice (the order of
//! parallel changes, the sandbox's clock). The program's clock stands, there are no colours, and nothing else is filtered.

use std::path::Path;
use std::process::Command;

use super::world::{NOW, World};

/// Stands for any text.
const GAP: &str = "[…]";

#[test]
fn every_transcript_is_what_the_program_prints() {
    play("README.md", 5);
}

#[test]
fn the_guide_to_testing_is_what_the_program_prints() {
    play("docs/guides/testing.md", 5);
}

/// Plays a page that has at least `least` commands.
fn play(page: &str, least: usize) {
    let world = World::shipped();
    let readme = std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join(page)).unwrap();
    let (mut commands, mut wrong) = (0, String::new());
    for step in steps(&readme) {
        match step {
            Step::File { path, text } => std::fs::write(world.root().join(path), text).unwrap(),
            Step::Command { command, expected } => {
                commands += 1;
                let printed = run(&command, &world.root());
                if !fits(&expected, &printed) {
                    wrong.push_str(&format!("$ {command}\n{printed}\n--- but {page} says\n{expected}\n"));
                }
            }
        }
    }
    assert!(commands >= least, "{page} has lost its transcripts");
    assert!(wrong.is_empty(), "{wrong}");
}

/// What a page asks its reader to do.
enum Step {
    File { path: String, text: String },
    Command { command: String, expected: String },
}

fn steps(readme: &str) -> Vec<Step> {
    let mut steps = Vec::new();
    let mut file = None;
    let mut lines = readme.lines();
    while let Some(line) = lines.next() {
        if let Some(path) = line.strip_prefix("<!-- file: ").and_then(|rest| rest.strip_suffix(" -->")) {
            file = Some(path.to_owned());
        } else if let Some(language) = line.strip_prefix("```") {
            let block: Vec<&str> = lines.by_ref().take_while(|line| *line != "```").collect();
            match file.take() {
                Some(path) => steps.push(Step::File { path, text: joined(&block) }),
                None if language == "console" => steps.extend(commands(&block)),
                None => {}
            }
        }
    }
    steps
}

fn commands(block: &[&str]) -> Vec<Step> {
    let starts = (0..block.len()).filter(|at| block[*at].starts_with("$ ")).collect::<Vec<_>>();
    let ends = starts.iter().copied().skip(1).chain([block.len()]);
    let command = |(start, end): (&usize, usize)| Step::Command {
        command: block[*start][2..].to_owned(),
        expected: joined(&block[*start + 1..end]),
    };
    starts.iter().zip(ends).map(command).collect()
}

fn joined(lines: &[&str]) -> String {
    lines.iter().map(|line| format!("{line}\n")).collect()
}

fn run(command: &str, folder: &Path) -> String {
    let program = Path::new(env!("CARGO_BIN_EXE_palisade"));
    let path = format!("{}:{}", program.parent().unwrap().display(), std::env::var("PATH").unwrap());
    let output = Command::new("sh")
        .args(["-c", &format!("exec 2>&1; {command}")])
        .current_dir(folder)
        .env_clear()
        .envs([("PATH", path.as_str()), ("PALISADE_NOW", NOW), ("LC_ALL", "C.UTF-8")])
        .env("HOME", folder)
        .output()
        .unwrap();
    String::from_utf8(output.stdout).unwrap()
}

/// Whether `printed` is `expected`, in which a gap stands for any text. White space at the end of lines and blocks does not count:
/// editors remove it.
fn fits(expected: &str, printed: &str) -> bool {
    let tidy = |text: &str| text.trim_end().lines().map(str::trim_end).collect::<Vec<_>>().join("\n");
    let (expected, printed) = (tidy(expected), tidy(printed));
    let parts: Vec<&str> = expected.split(GAP).collect();
    let Some((first, others)) = parts.split_first() else { return printed.is_empty() };
    let Some(mut rest) = printed.strip_prefix(first) else { return false };
    let Some((last, between)) = others.split_last() else { return rest.is_empty() };
    for part in between {
        match rest.split_once(*part) {
            Some((_, after)) => rest = after,
            None => return false,
        }
    }
    rest.ends_with(last)
}

#[test]
fn a_gap_stands_for_any_text_and_nothing_else_is_forgiven() {
    for (expected, printed, fit) in [
        ("a\nb\n", "a\nb\n\n", true),
        ("a\n[…]\nd\n", "a\nb\nc\nd\n", true),
        ("at […] by x\n", "at noon by x\n", true),
        ("a […] c […] e", "a b c d e", true),
        ("a […] c […] e", "a b d e", false),
        ("a\n", "a\nb\n", false),
        ("a\n[…]\nd\n", "a\nb\nc\n", false),
        ("", "a\n", false),
    ] {
        assert_eq!(fits(expected, printed), fit, "{expected:?} {printed:?}");
    }
}

/// Commands of shell blocks on every page, each a line that begins with the program's name.
#[test]
fn every_command_of_every_page_is_one_that_the_program_takes() {
    let project = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut pages = vec![project.join("README.md")];
    for folder in ["docs", "docs/commands", "docs/guides", "docs/concepts", "docs/design"] {
        let found = std::fs::read_dir(project.join(folder)).unwrap().map(|entry| entry.unwrap().path());
        pages.extend(found.filter(|path| path.extension().is_some_and(|extension| extension == "md")));
    }
    let (mut commands, mut wrong) = (0, String::new());
    for page in pages {
        // A line that ends in a backslash goes on in the next.
        let text = std::fs::read_to_string(&page).unwrap().replace("\\\n", " ");
        let mut in_shell = false;
        for line in text.lines() {
            if let Some(language) = line.trim().strip_prefix("```") {
                in_shell = !in_shell && matches!(language, "sh" | "console" | "bash");
                continue;
            }
            let line = line.trim().strip_prefix("$ ").unwrap_or(line.trim());
            if !in_shell || !line.starts_with("palisade ") {
                continue;
            }
            commands += 1;
            if let Err(error) = palisade::cli::definition().try_get_matches_from(words(line)) {
                use clap::error::ErrorKind::{DisplayHelp, DisplayVersion};
                if !matches!(error.kind(), DisplayHelp | DisplayVersion) {
                    wrong.push_str(&format!("{}: {line}\n{error}\n", page.display()));
                }
            }
        }
    }
    assert!(commands > 60, "{commands}");
    assert!(wrong.is_empty(), "{wrong}");
}

/// The words of the first command of a line of a shell.
fn words(line: &str) -> Vec<String> {
    let (mut words, mut word, mut quote, mut any) = (Vec::new(), String::new(), None, false);
    // What stands in brackets may be left out.
    let mut optional = false;
    for c in line.chars() {
        match (quote, c) {
            (None, '[' | ']') => optional = c == '[',
            _ if optional => {}
            (Some(open), c) if c == open => quote = None,
            (Some(_), c) => word.push(c),
            (None, '"' | '\'') => (quote, any) = (Some(c), true),
            (None, '#') if word.is_empty() => break,
            (None, ';' | '|' | '<' | '>' | '&') => break,
            (None, c) if c.is_whitespace() => {
                if any || !word.is_empty() {
                    words.push(std::mem::take(&mut word));
                }
                any = false;
            }
            (None, c) => word.push(c),
        }
    }
    if any || !word.is_empty() {
        words.push(word);
    }
    words
}
