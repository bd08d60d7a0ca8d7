//! What an entry must be able to withstand, from outside: each weak entry is refused with the way through it.

use crate::world::{World, entry};

/// A project that wants at least this strength, and one entry.
fn strict(floor: &str, predicates: &str) -> World {
    let world = World::new();
    world.write("palisade.yaml", format!("owner: acme\nallowlist: {{require: {floor}}}\n"));
    // Every column may be there.
    world.edit(
        "rules/hunt.yaml",
        "  | project Timestamp, DeviceId, ReportId, DeviceName, FileName, FolderPath, SHA1\n",
        "",
    );
    world.allowlist("list", "hunt", &[entry("one", predicates)]);
    world
}

#[test]
fn every_weak_entry_is_told_how_an_attacker_walks_through() {
    for (predicates, way) in [
        ("FileName: {equals: updater.exe}", "whoever makes the thing chooses `FileName`"),
        (r"FolderPath: {equals: 'C:\Windows\Temp\x.exe'}", r"any user can write to `C:\Windows\Temp\x.exe`"),
        (
            r"FolderPath: {starts_with: 'c:\windows\'}",
            r"any user can write to `c:\windows\temp\`, which is below",
        ),
        (r"FolderPath: {equals: 'C:\Program Files\..\Users\Public\x.exe'}", "leads to other folders"),
        (r"FolderPath: {equals: 'C:\Windows\System32\spool\DRIVER~1\color\x.exe'}", "short name"),
        (r"FolderPath: {equals: '\\server\share\x.exe'}", "whoever may write to the share"),
        (r"FolderPath: {equals: '%TEMP%\x.exe'}", "variables of the environment"),
        (r"FolderPath: {starts_with: 'C:\Program Files\*'}", "a wildcard means nothing here"),
        (r"FolderPath: {ends_with: '\updater.exe'}", "any user can make a path with it"),
        ("FolderPath: {equals: /usr/local/bin/x}", "any user can write to `/usr/local/bin/x`"),
        ("ProcessCommandLine: {contains: update.ps1}", "can put this text somewhere into"),
        ("SHA1: {starts_with: 9b1f0c6a}", "only part of `SHA1` is compared"),
        ("InitiatingProcessVersionInfoCompanyName: {equals: Contoso}", "whoever makes the thing chooses"),
        ("DeviceName: {equals: pc1.example.com}", "whoever makes the thing chooses `DeviceName`"),
    ] {
        let world = strict("medium", predicates);
        let ran = world.run("validate").exits(1).says(&["ALW-06", "how an attacker walks"]);
        // Long lines are wrapped.
        let text = ran.stdout.split_whitespace().collect::<Vec<_>>().join(" ");
        assert!(text.contains(way), "{way}\n{ran}");
        world.run("apply -e lab --auto-approve").exits(1);
        assert!(world.requests().is_empty(), "{predicates}");
    }
}

#[test]
fn what_is_strong_enough_passes() {
    for (floor, predicates) in [
        ("strong", "SHA1: {equals: 9b1f0c6ad24e7358b0c1e94f6d2a7b85e3c0914d}"),
        (
            "strong",
            "DeviceId: {in: [4c1d9e0b7a2f4d6e8b3a5c7d9e1f2a4b6c8d0e2f]}\n      FileName: {equals: x.exe}",
        ),
        ("medium", r"FolderPath: {equals: 'C:\Program Files\Contoso\updater.exe'}"),
        ("medium", "FolderPath: {starts_with: /opt/vendor/}"),
        ("medium", "ProcessCommandLine: {equals: 'updater.exe /quiet'}"),
        ("medium", "MD5: {equals: 9b1f0c6ad24e7358b0c1e94f6d2a7b85}"),
    ] {
        strict(floor, predicates).run("validate").exits(0);
    }
    strict("strong", "MD5: {equals: 9b1f0c6ad24e7358b0c1e94f6d2a7b85}")
        .run("validate")
        .exits(1)
        .says(&["two files with one `MD5` can be made"]);
}

#[test]
fn an_address_is_not_compared_with_a_name() {
    for predicate in [
        "DeviceName: {cidr: [10.0.0.0/24, 10.1.0.0/24]}",
        "DeviceName: {cidr: 2001:db8::/64}",
        "DeviceName: {in: [10.0.0.0/24]}",
        "DeviceName: {equals: 10.0.0.1}",
        "FileName: {cidr: 10.0.0.0/24}",
    ] {
        let world = World::new();
        world.allowlist("list", "hunt", &[entry("one", predicate)]);
        world.run("validate").exits(1).says(&[
            "ALW-05",
            "holds no addresses",
            "environments/lab/allowlists/list.yaml:9:",
        ]);
        world.run("apply -e lab --auto-approve").exits(1);
        assert!(world.requests().is_empty(), "{predicate}");
    }
}

#[test]
fn add_refuses_what_is_too_weak() {
    let world = World::new();
    world.write("palisade.yaml", "owner: acme\nallowlist: {require: medium}\n");
    world
        .try_run(&[
            "allowlist",
            "add",
            "hunt",
            "-e",
            "lab",
            "--reason",
            "r",
            "--owner",
            "soc@example.com",
            "--ttl",
            "24h",
            "-m",
            "FolderPath=C:\\Windows\\Tasks\\x.exe",
        ])
        .exits(1)
        .says(&["ALW-06", "any user can write to `C:\\Windows\\Tasks\\x.exe`"]);
    assert!(!world.root().join("environments/lab/allowlists/hunt.yaml").exists());
}

#[test]
fn why_takes_nested_and_absent_columns_for_what_they_are() {
    let world = World::new();
    world.allowlist("list", "hunt", &[entry("one", "SHA1: {equals: 9b1f}\n      FileName: {contains: x}")]);
    let event = serde_json::json!({"FileName": {"name": "x"}, "Extra": {"SHA1": "9b1f"}});
    std::fs::write(world.root().join("event.json"), event.to_string()).unwrap();
    world.run("allowlist why hunt --event event.json -e lab").exits(0).says(&[
        "reported",
        "SHA1 is missing, not equals `9b1f`",
        "FileName is `{\"name\":\"x\"}`, not contains `x`",
    ]);
}
