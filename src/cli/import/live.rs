//! `palisade import live`: the rules of an environment become rule files whose first plan is empty.

use std::path::Path;

use serde_json::{Value, json};

use super::super::block_on;
use super::super::connection::connect;
use super::super::failure::{Exit, Failure};
use super::super::plan::Format;
use super::super::planning::CredentialArg;
use super::super::repository::{EnvironmentArgs, Opened, open};
use super::super::settings::Settings;
use super::super::ui::Ui;
use super::extract::{self, Account, ExtractArgs, Moved};
use super::output::{Written, write};
use crate::compile::compile;
use crate::import::extract::{List, Terms};
use crate::import::live::{Held, Hopeless, Import, Imported, Input, Kept, Left, import};
use crate::model::environment::Environment;
use crate::render::safe;

/// Where rules that are held back are kept, below the repository's root. The loader does not read it.
const HELD: &str = "imports";

/// Reasons that are shown of one rule: the rest often follows from the first.
const MOST_REASONS: usize = 3;
/// Rules that are shown of those that nothing is done about.
const MOST_LEFT: usize = 50;

/// Arguments of `import live`.
#[derive(Debug, clap::Args)]
pub(crate) struct LiveArgs {
    /// The environment whose rules are imported
    #[arg(short = 'e', long = "env", value_name = "NAME", env = "PALISADE_ENV")]
    environment: Option<String>,
    /// Import only these: a rule's name, platform id or address, or a glob of any (repeatable)
    #[arg(long, value_name = "GLOB")]
    select: Vec<String>,
    /// Show what would be written, and write nothing
    #[arg(long)]
    dry_run: bool,
    /// Replace what an earlier import left in imports/. Files below rules/ are never replaced
    #[arg(long)]
    force: bool,
    #[command(flatten)]
    extract: ExtractArgs,
    /// How to print the outcome
    #[arg(long, value_enum, default_value_t = Format::Text)]
    format: Format,
    /// Which credential to use
    #[arg(long, value_name = "NAME", value_parser = super::super::planning::credential, default_value = "auto",
          hide_default_value = true, env = "PALISADE_CREDENTIAL", help = super::super::planning::credential_help())]
    credential: CredentialArg,
}

pub(crate) fn run(args: &LiveArgs, start: &Path, settings: &Settings, ui: &Ui) -> Result<Exit, Failure> {
    let opened = open(start)?;
    opened.require_sound(ui)?;
    let named = args.environment.iter().cloned().collect();
    let chosen = opened.choose(&EnvironmentArgs { environments: named, ..EnvironmentArgs::default() })?;
    let [environment] = chosen.as_slice() else {
        return Err(Failure::error("rules are imported from one environment at a time"));
    };
    let terms = args.extract.terms(&opened.repository.project.allowlist, settings)?;
    let import = block_on(read(&opened, environment, args, terms.as_ref(), settings))?;
    let in_the_way = if args.dry_run {
        Vec::new()
    } else {
        save(&opened.root, environment, &import, terms.as_ref(), args.force)?
    };
    let account = terms.map(|terms| account(&opened.root, environment, &import, terms, args.dry_run));
    match args.format {
        Format::Text => ui.data(&text(&opened, environment, &import, account.as_ref(), args, ui)),
        Format::Json => {
            let mut document = report(environment, &import);
            if let (Some(account), Some(members)) = (&account, document.as_object_mut()) {
                members.insert("allowlists".to_owned(), account.json());
            }
            ui.json(&document);
        }
    }
    if in_the_way.is_empty() {
        return Ok(Exit::Done);
    }
    Err(Failure::error(format!("not replaced, because they say something else: {}", in_the_way.join(", ")))
        .help("look at them, then replace them with --force"))
}

async fn read(
    opened: &Opened,
    environment: &Environment,
    args: &LiveArgs,
    terms: Option<&Terms>,
    settings: &Settings,
) -> Result<Import, Failure> {
    let today = settings.today()?;
    // Only which rules the files stand for is asked here; whether they are right is for `validate`.
    let (desired, _) = compile(&opened.repository, environment, today);
    let connection = connect(environment, false, &opened.root, args.credential.0, settings).await?;
    let states = connection.list().await;
    connection.close().await?;
    let states = states?;
    import(&Input {
        repository: &opened.repository,
        environment,
        desired: &desired.resources,
        states: &states,
        select: &args.select,
        today,
        extract: terms,
    })
    .map_err(|hopeless| match hopeless {
        Hopeless::Selection(glob) => Failure::error(format!("no rule of `{}` fits --select {glob}", environment.name))
            .help("a selection is a rule's name, platform id or address, or a glob of any; `--dry-run` lists what is there"),
        Hopeless::Lifecycle => {
        Failure::error(format!(
            "`{}` takes no rules: its lifecycle makes every status absent",
            environment.name
        ))
        .help("make `production` rules enabled in its `lifecycle`")
        }
    })
}

/// Writes every file; gives the names of those that somebody else's stand in the way of.
fn save(
    root: &Path,
    environment: &Environment,
    import: &Import,
    terms: Option<&Terms>,
    force: bool,
) -> Result<Vec<String>, Failure> {
    let mut in_the_way = Vec::new();
    for rule in &import.rules {
        let path = rule_path(rule);
        if let Some(terms) = terms {
            // Both or neither: a rule without its list would let everything through that the list is for.
            let lists = lists(environment, rule);
            if let Some(there) = extract::in_the_way(root, &lists, &rule.draft.id, terms) {
                in_the_way.push(there);
                continue;
            }
            if std::fs::read_to_string(root.join(&path)).is_ok_and(|found| found != rule.text) {
                in_the_way.push(path);
                continue;
            }
            extract::write(root, &lists, &rule.draft.id, terms, false)?;
        }
        if write(&root.join(&path), &rule.text, false)? == Written::InTheWay {
            in_the_way.push(path);
        }
    }
    for held in &import.held {
        let path = held_path(environment, held);
        let written = match &held.kept {
            Kept::File(_, text) => write(&root.join(&path), text, force)?,
            Kept::Raw(_, raw) => {
                write(&root.join(&path), &format!("{:#}\n", Value::Object(raw.clone())), force)?
            }
        };
        if written == Written::InTheWay {
            in_the_way.push(path);
        }
    }
    Ok(in_the_way)
}

fn lists(environment: &Environment, rule: &Imported) -> Vec<(String, List)> {
    extract::files(rule.tuning.lists.clone(), std::slice::from_ref(&environment.name), &rule.draft.id)
}

fn account(root: &Path, environment: &Environment, import: &Import, terms: Terms, dry_run: bool) -> Account {
    let mut account = Account::new(terms);
    account.rules.extend(import.rules.iter().map(|rule| Moved {
        path: rule_path(rule),
        lists: lists(environment, rule),
        kept: rule.tuning.kept.clone(),
    }));
    if !dry_run {
        account.audit(root);
    }
    account
}

fn rule_path(rule: &Imported) -> String {
    format!("rules/{}.yaml", rule.draft.id)
}

fn held_path(environment: &Environment, held: &Held) -> String {
    match &held.kept {
        Kept::File(id, _) => format!("{HELD}/{}/{id}.yaml", environment.name),
        Kept::Raw(id, _) => format!("{HELD}/{}/{id}.json", environment.name),
    }
}

fn text(
    opened: &Opened,
    environment: &Environment,
    import: &Import,
    account: Option<&Account>,
    args: &LiveArgs,
    ui: &Ui,
) -> String {
    let paint = ui.out;
    let mut out = format!("{}\n", paint.strong(&safe::line(&environment.name)));
    let count = |count: usize, one: &str| match count {
        1 => format!("1 {one}"),
        count => format!("{count} {one}s"),
    };
    let verb = if args.dry_run { "would be imported" } else { "imported" };
    out.push_str(&format!(
        "{} {verb}, {} held back, {} left alone.\n",
        count(import.rules.len(), "rule"),
        import.held.len(),
        import.left.len()
    ));
    if !import.rules.is_empty() {
        out.push('\n');
    }
    for rule in &import.rules {
        out.push_str(&format!(
            "{} {}  {}\n",
            paint.added("+"),
            safe::line(&rule_path(rule)),
            paint.faint(&safe::line(&rule.found.join(", ")))
        ));
        for remark in &rule.draft.remarks {
            out.push_str(&format!(
                "    {} {}: {}\n",
                remark.fate.as_str(),
                safe::line(&remark.what),
                safe::line(&remark.why)
            ));
        }
    }
    if !import.held.is_empty() {
        out.push_str(&format!("\n{}\n", paint.alarm("Held back")));
    }
    for held in &import.held {
        out.push_str(&format!(
            "{} {}  \"{}\", kept in {}\n",
            paint.alarm("!"),
            safe::line(&held.found.join(", ")),
            safe::line(&held.name),
            held_path(environment, held)
        ));
        for reason in held.reasons.iter().take(MOST_REASONS) {
            out.push_str(&format!("    {}\n", safe::line(reason)));
        }
        if held.reasons.len() > MOST_REASONS {
            let more = held.reasons.len() - MOST_REASONS;
            out.push_str(&format!("    and {more} more; --format json has all\n"));
        }
    }
    if !import.held.is_empty() {
        out.push_str(&way_on(environment, &import.held));
    }
    leave(&mut out, opened, &import.left, ui);
    for (number, line) in account.map(|account| account.lines(args.dry_run)).iter().flatten().enumerate() {
        out.push_str(&format!("{}{line}\n", if number == 0 { "\n" } else { "" }));
    }
    if !import.rules.is_empty() && !args.dry_run {
        let name = safe::line(&environment.name);
        let split = account.map_or(0, Account::split);
        if split > 0 {
            out.push_str(&format!(
                "\nNext: `palisade plan -e {name} --adopt` changes the query's text of {}, which selects the same, and takes the others \
                 over as they are. It counts each as `allowlist_widened`, because a plan compares texts: look at them once, then \
                 apply with --max-coverage-reducing {split}.\n",
                count(split, "rule")
            ));
            return out;
        }
        out.push_str(&format!(
            "\nNext: `palisade plan -e {name}` is empty now; `palisade adopt -e {name}` marks these rules as yours.\n"
        ));
    }
    out
}

/// What to do about rules that are held back.
fn way_on(environment: &Environment, held: &[Held]) -> String {
    let mut text = "\nThey stay in the tenant as they are, and no plan touches them. To manage one,\n\
                    correct its file and move it below rules/: its rule_id keeps it in place.\n"
        .to_owned();
    // Codes of queries, and of columns that a query does not return.
    let about_names =
        |reason: &String| ["KQL", "SEN-11", "XDR-02", "XDR-22"].iter().any(|code| reason.starts_with(code));
    if held.iter().any(|held| held.reasons.iter().any(about_names)) {
        text.push_str(&format!(
            "If the tenant has tables or columns that are not known here:\n`palisade schema pull -e {}`, then import again.\n",
            safe::line(&environment.name)
        ));
    }
    text
}

/// Rules that got no file, by reason.
fn leave(out: &mut String, opened: &Opened, left: &[Left], ui: &Ui) {
    for (class, title) in [
        ("here", "A file stands for it already"),
        ("foreign", "Of other owners"),
        ("not_selected", "Not selected"),
    ] {
        let of: Vec<&Left> = left.iter().filter(|one| one.class == class).collect();
        match (of.len(), class) {
            (0, _) => continue,
            // Whoever selects knows that there is more.
            (count, "not_selected") => {
                out.push_str(&format!("\n{title}: {count}\n"));
                continue;
            }
            _ => out.push_str(&format!("\n{title}\n")),
        }
        for one in of.iter().take(MOST_LEFT) {
            let detail = match class {
                "here" => {
                    opened.repository.rules.iter().find(|rule| rule.id.as_str() == one.detail).map_or_else(
                        || one.detail.clone(),
                        |rule| opened.repository.sources.path(rule.id.span.file).to_owned(),
                    )
                }
                "foreign" => one.detail.clone(),
                _ => String::new(),
            };
            out.push_str(&format!(
                "    {}  \"{}\"  {}\n",
                safe::line(&one.found),
                safe::line(&one.name),
                ui.out.faint(&safe::line(&detail))
            ));
        }
        if of.len() > MOST_LEFT {
            out.push_str(&format!("    and {} more; --format json has all\n", of.len() - MOST_LEFT));
        }
    }
}

fn report(environment: &Environment, import: &Import) -> Value {
    let rules: Vec<Value> = import
        .rules
        .iter()
        .map(|rule| {
            let remarks: Vec<Value> = rule
                .draft
                .remarks
                .iter()
                .map(|remark| json!({"fate": remark.fate.as_str(), "what": remark.what, "why": remark.why}))
                .collect();
            json!({"rule": rule.draft.id, "name": rule.draft.name, "file": rule_path(rule), "found": rule.found,
                "remarks": remarks})
        })
        .collect();
    let held: Vec<Value> = import
        .held
        .iter()
        .map(|held| {
            json!({"name": held.name, "file": held_path(environment, held), "found": held.found, "reasons": held.reasons})
        })
        .collect();
    let left: Vec<Value> = import
        .left
        .iter()
        .map(|left| {
            json!({"name": left.name, "found": left.found, "class": left.class, "detail": left.detail})
        })
        .collect();
    json!({"environment": environment.name, "imported": rules, "held": held, "left": left})
}
