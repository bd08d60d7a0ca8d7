//! Many environments: which part a job takes, the matrix of a build, environments at one place, files from a table.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use crate::governance::{commit, git, path};
use crate::world::{Ran, World, snapshot};

/// `lab`, and so many environments more, each in a tenant and a workspace of its own.
pub(crate) fn fleet(world: &World, count: usize) {
    let lab = world.read("environments/lab/environment.yaml");
    for number in 0..count {
        let one = lab
            .replace("acme/lab", &format!("acme/tenant-{number}"))
            .replace("law-lab", &format!("law-{number}"))
            .replace("11111111-1111-4111-8111-111111111111", &tenant(number));
        let ring = ["ring: canary\n", "ring: early\n", "ring: broad\n", ""][number % 4];
        world.write(&format!("environments/tenant-{number}/environment.yaml"), one + ring);
    }
}

pub(crate) fn tenant(number: usize) -> String {
    format!("00000000-0000-4000-8000-{:012}", number + 1)
}

fn names(matrix: &Value) -> Vec<&str> {
    let include = matrix["include"].as_array().unwrap();
    include.iter().map(|one| one["environment"].as_str().unwrap()).collect()
}

fn with_git(world: &World, arguments: &str) -> Ran {
    world.run_with(arguments, &[("PATH", &path())])
}

#[test]
fn environments_as_text_json_and_matrix() {
    let world = World::new();
    fleet(&world, 2);
    snapshot!("env_list", world.run("env list").exits(0));
    let all = world.run("env list --format json").exits(0).json();
    assert_eq!(
        all["environments"][2],
        json!({
            "environment": "lab", "tenant": "11111111-1111-4111-8111-111111111111", "ring": null, "owner": "acme/lab",
            "cloud": "sandbox", "defender": true, "prune": "owned",
            "workspaces": ["/subscriptions/22222222-2222-4222-8222-222222222222/resourceGroups/rg-soc/providers/\
                            Microsoft.OperationalInsights/workspaces/law-lab"],
        })
    );
    let ran = world.run("env list --format github-matrix").exits(0);
    assert_eq!(ran.stdout.lines().count(), 1, "{ran}");
    assert_eq!(
        ran.json(),
        json!({"include": [
            {"environment": "tenant-0", "tenant": tenant(0), "ring": "canary"},
            {"environment": "tenant-1", "tenant": tenant(1), "ring": "early"},
            {"environment": "lab", "tenant": "11111111-1111-4111-8111-111111111111", "ring": ""},
        ]})
    );
    assert_eq!(names(&world.run("env list --ring early --format github-matrix").json()), ["tenant-1"]);
}

#[test]
fn an_empty_matrix_is_an_answer_that_a_workflow_can_test() {
    let world = World::new();
    let none = r#"{"include":[]}"#;
    let ran = world.run("env list --ring canary --format github-matrix").exits(0);
    assert_eq!(ran.stdout.trim_end(), none);
    ran.says(&["None of 1 environments fits", "an empty matrix fails the job", "if:"]);
    std::fs::remove_dir_all(world.root().join("environments")).unwrap();
    let ran = world.run("env list --format github-matrix").exits(0);
    assert_eq!(ran.stdout.trim_end(), none);
    ran.says(&["No environment is here"]);
    assert_eq!(world.run("env list").exits(0).stdout, "");
}

#[test]
fn more_environments_than_github_makes_jobs_of_are_told() {
    let world = World::empty();
    fleet(&world, 256);
    let ran = world.run("env list --format github-matrix").exits(0);
    assert_eq!(names(&ran.json()).len(), 257);
    ran.says(&["257 environments are more than GitHub makes jobs of (256)", "--shard"]);
}

#[test]
fn shards_are_disjoint_and_together_everything() {
    let world = World::empty();
    fleet(&world, 20);
    let all: BTreeSet<String> = names(&world.run("env list --format github-matrix").json())
        .iter()
        .map(|name| (*name).to_owned())
        .collect();
    for of in [1, 3, 8, 40] {
        let mut seen = Vec::new();
        for number in 1..=of {
            let ran = world.run(&format!("env list --shard {number}/{of} --format github-matrix")).exits(0);
            seen.extend(names(&ran.json()).iter().map(|name| (*name).to_owned()));
        }
        assert_eq!(seen.len(), all.len(), "{of}: {seen:?}");
        assert_eq!(seen.into_iter().collect::<BTreeSet<_>>(), all);
    }
    // Of a ring, exactly those of the whole that are in it.
    let of = |arguments: &str| {
        let ran = world.run(&format!("env list --format github-matrix {arguments}")).exits(0);
        names(&ran.json()).iter().map(|name| (*name).to_owned()).collect::<BTreeSet<String>>()
    };
    let both = of("--shard 2/3 --ring early");
    assert_eq!(both, of("--shard 2/3").intersection(&of("--ring early")).cloned().collect());
}

/// Which commands take a shard, and that an empty one is a success everywhere.
#[test]
fn an_empty_shard_is_a_success_that_says_so() {
    let world = World::new();
    let is_empty = |shard: &str| {
        let ran = world.run(&format!("env list --format github-matrix --shard {shard}"));
        names(&ran.json()).is_empty()
    };
    let empty = ["1/2", "2/2"].into_iter().find(|shard| is_empty(shard)).unwrap();
    for command in [
        "validate",
        "test",
        "plan",
        "drift",
        "apply --auto-approve",
        "allowlist list",
        "coverage",
        "render hunt",
        "explain hunt",
    ] {
        let ran = world.run(&format!("{command} --shard {empty}")).exits(0);
        ran.says(&[&format!("Shard {empty} has no environment here: nothing to do.")]);
    }
    let plans =
        world.run(&format!("plan --format json --json-into plans.json --shard {empty}")).exits(0).json();
    assert_eq!(plans, json!({"plans": []}));
    assert_eq!(
        world.read("plans.json").trim_end(),
        plans.to_string().replace(":[]", ": []").replace("{\"", "{\n  \"").replace('}', "\n}")
    );
    assert!(world.requests().is_empty());
}

#[test]
fn options_that_contradict_each_other_are_usage_errors() {
    let world = World::new();
    for arguments in [
        "plan -e lab --shard 1/2",
        "plan -e lab --all-envs",
        "plan -e lab --ring early",
        "validate --all-envs --ring early",
        "drift --shard 0/2",
        "drift --shard 3/2",
        "test --shard 1",
        "env list --shard x/y",
        "env list -e lab",
        "apply saved.plan --shard 1/2",
        "env generate",
        "env generate --from t.csv --check --force",
    ] {
        let ran = world.run(arguments).exits(1);
        assert!(ran.stderr.contains("error:") && ran.stdout.is_empty(), "{ran}");
    }
}

#[test]
fn a_change_reaches_some_environments_and_the_others_are_not_asked() {
    let world = World::new();
    fleet(&world, 3);
    let shared = "environments/_shared/allowlists/scanners.yaml";
    world.append("environments/tenant-1/environment.yaml", "allowlists: [_shared/scanners]\n");
    world.write(
        shared,
        format!(
            "rules: [hunt]\nentries:\n{}",
            crate::world::entry("a", "SHA1: {equals: 9b1f0c6ad24e7358b0c1e94f6d2a7b85e3c0914d}")
        ),
    );
    git(&world, &["init", "-q"]);
    commit(&world, "first");
    let matrix =
        |world: &World| with_git(world, "env list --changed-since HEAD --format github-matrix").exits(0);
    assert_eq!(matrix(&world).stdout, "{\"include\":[]}\n");
    world.edit(shared, "9b1f", "9b1e");
    assert_eq!(names(&matrix(&world).json()), ["tenant-1"]);
    world.forget_requests();
    with_git(&world, "plan --all-envs --changed-since HEAD")
        .exits(0)
        .says(&["Not changed since HEAD: tenant-0, tenant-2, lab."]);
    let asked: BTreeSet<String> = world
        .requests()
        .iter()
        .filter(|request| request.path().contains("/workspaces/"))
        .map(|request| request.path().split('/').nth(8).unwrap().to_owned())
        .collect();
    assert_eq!(asked.into_iter().collect::<Vec<_>>(), ["law-1"]);
    // Another tenant is another environment, whatever compiles to the same.
    world.edit("environments/tenant-2/environment.yaml", &tenant(2), &tenant(7));
    assert_eq!(names(&matrix(&world).json()), ["tenant-1", "tenant-2"]);
    std::fs::remove_dir_all(world.root().join("environments/tenant-0")).unwrap();
    matrix(&world).says(&["Gone since HEAD: tenant-0. What was deployed there stays as it is."]);
}

#[test]
fn two_environments_at_one_place_are_reported_unless_declared() {
    let world = World::new();
    let lab = world.read("environments/lab/environment.yaml");
    world.write("environments/copy/environment.yaml", lab.replace("acme/lab", "acme/copy"));
    snapshot!("shared_place", world.run("validate").exits(1));
    world.run("plan --all-envs").exits(1).says(&["error[REPO-05]"]);
    // ARM compares ids without case, and so do tenants.
    world.edit("environments/copy/environment.yaml", "rg-soc", "RG-SOC");
    world.edit("environments/copy/environment.yaml", "defender: {}\n", "");
    world.run("validate").exits(1).says(&[
        "environments/copy/environment.yaml:5:5",
        "the workspace `law-lab`",
        "environments/lab/environment.yaml:6:5",
    ]);
    world
        .edit("environments/copy/environment.yaml", "law-lab", "law-copy")
        .append("environments/copy/environment.yaml", "defender: {}\n");
    world.run("validate").exits(0).says(&[
        "warning[REPO-05]",
        "environments/copy/environment.yaml:2:12",
        "this tenant's Defender",
    ]);
    // Either of the two may say that it is meant.
    world.append("environments/lab/environment.yaml", "shares: [copy]\n");
    world.run("validate").exits(0);
    world.write("environments/lab/environment.yaml", &lab);
    world.append("environments/copy/environment.yaml", "shares: [lab]\n");
    world.run("validate").exits(0);
    for (from, to, exit, expected) in [
        ("[lab]", "[lap]", 1, "did you mean `lab`?"),
        ("[lap]", "[copy]", 0, "nothing is shared with this environment"),
    ] {
        world.edit("environments/copy/environment.yaml", from, to);
        world.run("validate").exits(exit).says(&[expected]);
    }
    // A played tenant is not the real one of the same ids.
    world.edit("environments/copy/environment.yaml", "shares: [copy]\n", "");
    world.edit("environments/copy/environment.yaml", "cloud: sandbox", "cloud: public");
    world.run("validate").exits(0);
}

#[test]
fn what_a_base_shares_with_everybody_is_found_too() {
    let world = World::new();
    let lab = world.read("environments/lab/environment.yaml");
    world.write("environments/_base/environment.yaml", lab.replace("owner: acme/lab\n", ""));
    for name in ["a", "b"] {
        world.write(
            &format!("environments/{name}/environment.yaml"),
            format!("extends: _base\nowner: acme/{name}\n"),
        );
    }
    world.remove("environments/lab/environment.yaml");
    std::fs::remove_dir(world.root().join("environments/lab")).unwrap();
    world.run("validate").exits(1).says(&[
        "`b` deploys to the workspace `law-lab`, and so does `a`",
        "environments/a/environment.yaml",
        "environments/b/environment.yaml",
    ]);
}

// --- Files from a table ------------------------------------------------------------------------------------------------

const TABLE: &str = "\
environment,tenant_id,ring,defender,subscription,resource_group,workspace
contoso,00000000-0000-4000-8000-000000000001,canary,yes,66666666-7777-4888-8999-000000000001,rg-soc,law-contoso
fabrikam,00000000-0000-4000-8000-000000000002,,no,66666666-7777-4888-8999-000000000002,rg-soc,law-fabrikam
";
const GENERATE: &str = "env generate --from tenants.csv";

fn msp() -> World {
    let world = World::new();
    world.write("environments/_base/environment.yaml", "cloud: sandbox\nprune: owned\n");
    world.write("tenants.csv", TABLE);
    world
}

#[test]
fn a_table_makes_environments_and_changes_only_what_it_wrote() {
    let world = msp();
    world
        .run(&format!("{GENERATE} --check"))
        .exits(1)
        .says(&["2 of 2 files are not as the table says: contoso, fabrikam"]);
    snapshot!("env_generate", world.run(GENERATE).exits(0));
    let file = world.read("environments/contoso/environment.yaml");
    assert!(file.contains("extends: _base\nowner: acme/contoso\ntenant_id: 00000000-0000-4000-8000-000000000001\nring: canary\ndefender: {}\n"), "{file}");
    world.run("validate").exits(0).says(&["contoso, fabrikam, lab"]);
    world.run("plan -e contoso").exits(0).says(&["Plan: 2 to create"]);
    world.run(GENERATE).exits(0).says(&["0 new, 0 replaced, 2 unchanged."]);
    world.run(&format!("{GENERATE} --check")).exits(0);
    // The table changes, and so does the file that it wrote.
    world.edit("tenants.csv", "canary", "early");
    world.run(GENERATE).exits(0).says(&["~ contoso", "0 new, 1 replaced, 1 unchanged."]);
    // Somebody's own work stays, and nothing else is written either.
    world.append("environments/contoso/environment.yaml", "select: {tags: [windows]}\n");
    world.edit(
        "tenants.csv",
        "00000000-0000-4000-8000-000000000002,,",
        "00000000-0000-4000-8000-000000000002,broad,",
    );
    world
        .run(GENERATE)
        .exits(1)
        .says(&["written or changed by hand: contoso; nothing was written", "--force"]);
    assert!(!world.read("environments/fabrikam/environment.yaml").contains("ring"));
    world.run(&format!("{GENERATE} --force")).exits(0).says(&["0 new, 2 replaced"]);
    assert!(!world.read("environments/contoso/environment.yaml").contains("windows"));
    // A row that went away leaves its environment, which still has rules in a tenant.
    let table = world.read("tenants.csv");
    world.write(
        "tenants.csv",
        table.lines().filter(|line| !line.starts_with("fabrikam")).collect::<Vec<_>>().join("\n"),
    );
    world.run(GENERATE).exits(0).says(&["Not in the table any more, and left as they are: fabrikam."]);
}

#[test]
fn a_table_with_mistakes_writes_nothing_and_names_its_lines() {
    for (from, to, expected) in [
        ("fabrikam,0000", "contoso,0000", "tenants.csv:3:1"),
        ("8000-000000000002", "8000-0000000", "tenants.csv:3:10"),
        ("canary", "canari", "did you mean `canary`?"),
        ("tenant_id", "tenant", "tenants.csv:1:13"),
        ("law-fabrikam", "", "`workspace`"),
        ("law-fabrikam", "law fabrikam", "tenants.csv:3"),
        (
            "66666666-7777-4888-8999-000000000002,rg-soc,law-fabrikam",
            "66666666-7777-4888-8999-000000000001,RG-soc,law-contoso",
            "so does `contoso`",
        ),
        (
            "66666666-7777-4888-8999-000000000002,rg-soc,law-fabrikam",
            "22222222-2222-4222-8222-222222222222,rg-soc,law-lab",
            "so does `lab`",
        ),
        (
            "no,66666666-7777-4888-8999-000000000002,rg-soc,law-fabrikam",
            "no,,,",
            "this environment deploys nowhere",
        ),
        ("law-fabrikam\n", "law-fabrikam,more\n", "this row has 8 cells, the header has 7"),
    ] {
        let world = msp();
        world.edit("tenants.csv", from, to);
        let ran = world.run(GENERATE).exits(1).says(&[expected, "nothing was written"]);
        assert!(!world.root().join("environments/contoso").exists(), "{ran}");
    }
    let world = msp();
    world
        .run(&format!("{GENERATE} --extends _bass"))
        .exits(1)
        .says(&["nothing to extend", "did you mean `_base`?"]);
    world.run("env generate --from nowhere.csv").exits(1).says(&["`nowhere.csv`"]);
    world.write("tenants.csv", b"environment\n\xff\n");
    world.run(GENERATE).exits(1).says(&["not UTF-8"]);
    // Also what is there already has its owner id.
    world.write(
        "tenants.csv",
        TABLE.replace("ring,", "owner,").replace("canary", "acme/lab").replace(",,no", ",acme/f,no"),
    );
    world
        .run(GENERATE)
        .exits(1)
        .says(&["two environments have the same owner", "environments/lab/environment.yaml:1:8"]);
}

#[test]
#[cfg(unix)]
fn nothing_is_written_through_a_link() {
    let world = msp();
    let elsewhere = world.beside("elsewhere");
    std::fs::create_dir(&elsewhere).unwrap();
    std::os::unix::fs::symlink(&elsewhere, world.root().join("environments/contoso")).unwrap();
    world.run(GENERATE).exits(1).says(&["is a link"]);
    assert_eq!(std::fs::read_dir(&elsewhere).unwrap().count(), 0);
}
