//! What an attacker can do about a column: the facts behind an entry's strength (product.md §3).

/// How a column's value comes about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum ColumnClass {
    /// A digest of the content: another file has another value.
    Hash,
    /// A digest for which two files of one value can be made.
    BrokenHash,
    /// The id of a device or account, given by the directory.
    DirectoryId,
    /// An account's sign-in name: given by the directory, and its administrators can give it again.
    AccountName,
    /// The name or certificate of a signer, which can be copied onto any file: strong only together with a validity column.
    Signer,
    /// Who issued a certificate: the same for all of an authority's customers.
    Issuer,
    /// Says whether a signature is valid and trusted.
    SignatureValidity,
    /// Says that there is a signature, or something about it, but not that it is valid.
    SignaturePresence,
    /// The id of an application: who signs in chooses it, because public clients need no secret.
    ApplicationId,
    /// A path that includes the file's name or folder.
    Path,
    /// A whole command line.
    CommandLine,
    /// A network address.
    Address,
    /// A name that whoever makes the thing chooses.
    ChosenName,
}

/// Suffixes of column names, compared without case; the first that fits decides. Covers the initiating-process and
/// parent variants (`InitiatingProcessSHA1`, `ParentProcessName`) of Defender and Sentinel tables.
const SUFFIXES: &[(&str, ColumnClass)] = &[
    ("signerhash", ColumnClass::Signer),
    ("issuerhash", ColumnClass::Issuer),
    ("sha256", ColumnClass::Hash),
    ("sha1", ColumnClass::Hash),
    ("filehash", ColumnClass::Hash),
    ("certificatethumbprint", ColumnClass::Hash),
    ("md5", ColumnClass::BrokenHash),
    ("deviceid", ColumnClass::DirectoryId),
    ("azureresourceid", ColumnClass::DirectoryId),
    ("_resourceid", ColumnClass::DirectoryId),
    ("accountsid", ColumnClass::DirectoryId),
    ("usersid", ColumnClass::DirectoryId),
    ("accountobjectid", ColumnClass::DirectoryId),
    ("aaduserid", ColumnClass::DirectoryId),
    ("userid", ColumnClass::DirectoryId),
    ("objectguid", ColumnClass::DirectoryId),
    ("serviceprincipalid", ColumnClass::DirectoryId),
    ("sourcecomputerid", ColumnClass::DirectoryId),
    ("upn", ColumnClass::AccountName),
    ("userprincipalname", ColumnClass::AccountName),
    ("appid", ColumnClass::ApplicationId),
    ("applicationid", ColumnClass::ApplicationId),
    ("signer", ColumnClass::Signer),
    ("signername", ColumnClass::Signer),
    ("issuer", ColumnClass::Issuer),
    ("istrusted", ColumnClass::SignatureValidity),
    ("signaturestate", ColumnClass::SignatureValidity),
    ("signaturestatus", ColumnClass::SignatureValidity),
    ("iscertificatevalid", ColumnClass::SignatureValidity),
    ("issigned", ColumnClass::SignaturePresence),
    ("isrootsignermicrosoft", ColumnClass::SignaturePresence),
    ("folderpath", ColumnClass::Path),
    ("filepath", ColumnClass::Path),
    ("imagepath", ColumnClass::Path),
    ("processpath", ColumnClass::Path),
    ("processname", ColumnClass::Path),
    ("image", ColumnClass::Path),
    ("directory", ColumnClass::Path),
    ("taskcommand", ColumnClass::CommandLine),
    ("commandline", ColumnClass::CommandLine),
    ("ipaddress", ColumnClass::Address),
    ("ipaddr", ColumnClass::Address),
    ("remoteip", ColumnClass::Address),
    ("localip", ColumnClass::Address),
    ("clientip", ColumnClass::Address),
    ("sourceip", ColumnClass::Address),
    ("destinationip", ColumnClass::Address),
    ("senderipv4", ColumnClass::Address),
    ("senderipv6", ColumnClass::Address),
];

/// The class of a column, by its name.
pub(crate) fn class(column: &str) -> ColumnClass {
    let lower = column.to_ascii_lowercase();
    SUFFIXES
        .iter()
        .find(|(suffix, _)| lower.ends_with(suffix))
        .map_or(ColumnClass::ChosenName, |(_, class)| *class)
}

/// Ends of names of columns that hold names of hosts, accounts, files or places, and never a network.
const NAMES: [&str; 14] = [
    "devicename",
    "hostname",
    "computer",
    "computername",
    "machinename",
    "workstationname",
    "fqdn",
    "domain",
    "domainname",
    "accountname",
    "username",
    "filename",
    "upn",
    "userprincipalname",
];

/// Whether a column holds names, digests, ids, paths or command lines: anything but addresses.
pub(crate) fn holds_no_addresses(column: &str) -> bool {
    let lower = column.to_ascii_lowercase();
    match class(column) {
        ColumnClass::Address => false,
        ColumnClass::ChosenName => NAMES.iter().any(|name| lower.ends_with(name)),
        _ => true,
    }
}

/// Folders that only an administrator can write, lower case, with their separator.
const ADMIN_FOLDERS: [&str; 11] = [
    r"c:\program files\",
    r"c:\program files (x86)\",
    r"c:\windows\",
    "/usr/",
    "/bin/",
    "/sbin/",
    "/opt/",
    "/lib/",
    "/lib64/",
    "/system/",
    "/applications/",
];

/// Folders below those that every user can write all the same, on some systems at least: the permissions that Windows and
/// package managers set by themselves (Homebrew owns `/usr/local` and `/opt/homebrew`).
const WRITABLE_FOLDERS: [&str; 28] = [
    r"c:\windows\temp\",
    r"c:\windows\tasks\",
    r"c:\windows\tracing\",
    r"c:\windows\debug\wia\",
    r"c:\windows\pla\reports\",
    r"c:\windows\pla\rules\",
    r"c:\windows\pla\templates\",
    r"c:\windows\pchealth\errorrep\",
    r"c:\windows\registration\crmlog\",
    r"c:\windows\servicing\sessions\",
    r"c:\windows\system32\fxstmp\",
    r"c:\windows\system32\com\dmp\",
    r"c:\windows\system32\microsoft\crypto\rsa\machinekeys\",
    r"c:\windows\system32\spool\drivers\color\",
    r"c:\windows\system32\spool\printers\",
    r"c:\windows\system32\spool\servers\",
    r"c:\windows\system32\tasks\",
    r"c:\windows\system32\tasks_migrated\",
    r"c:\windows\syswow64\fxstmp\",
    r"c:\windows\syswow64\com\dmp\",
    r"c:\windows\syswow64\tasks\",
    r"c:\windows\syswow64\spool\drivers\color\",
    r"c:\windows\syswow64\spool\printers\",
    r"c:\windows\syswow64\spool\servers\",
    "/usr/local/",
    "/usr/tmp/",
    "/opt/homebrew/",
    "/opt/local/",
];

/// How somebody without an administrator's rights brings about `path`, or one that begins with it; `None`: they cannot.
pub(crate) fn way_to_write(path: &str) -> Option<String> {
    let unix = path.starts_with('/');
    let separator = if unix { '/' } else { '\\' };
    let lower = if unix { path.to_lowercase() } else { path.to_lowercase().replace('/', "\\") };
    if lower.starts_with(r"\\") {
        return Some(format!("whoever may write to the share decides what is at `{path}`"));
    }
    if lower.contains('%') || lower.contains("$env:") || lower.starts_with('~') {
        return Some(format!("`{path}` depends on variables of the environment, and any user can set those"));
    }
    if lower.contains(['*', '?']) {
        return Some(format!("a wildcard means nothing here: `{path}` is compared as it stands"));
    }
    let mut segments = lower.split(separator).skip(1).peekable();
    while let Some(segment) = segments.next() {
        let last = segments.peek().is_none();
        if segment == ".." || segment == "." {
            return Some(format!("`{segment}` in `{path}` leads to other folders"));
        }
        if !last && segment.is_empty() {
            return Some(format!("`{path}` has two separators in a row, and another folder may hide there"));
        }
        if unix {
            continue;
        }
        let short_name =
            segment.split_once('~').is_some_and(|(_, rest)| rest.starts_with(|c: char| c.is_ascii_digit()));
        if short_name {
            return Some(format!(
                "the short name `{segment}` may stand for a folder that any user can write"
            ));
        }
        if segment.contains(':') {
            return Some(format!("`{segment}` is a stream, and any user can add one to what they may write"));
        }
        if !last && segment.ends_with(['.', ' ']) {
            return Some(format!(
                "any user can make a folder that looks like `{}`",
                segment.trim_end_matches(['.', ' '])
            ));
        }
    }
    // What 32-bit programs call System32.
    let lower = lower.replacen(r"c:\windows\sysnative\", r"c:\windows\system32\", 1);
    if !ADMIN_FOLDERS.iter().any(|folder| lower.starts_with(folder)) {
        return Some(format!("any user can write to `{path}`"));
    }
    let writable =
        WRITABLE_FOLDERS.iter().find(|folder| lower.starts_with(*folder) || folder.starts_with(&lower))?;
    Some(if lower.starts_with(writable) {
        format!("any user can write to `{path}`")
    } else {
        format!("any user can write to `{writable}`, which is below `{path}`")
    })
}

/// A folder below `prefix` that every user can write, where the prefix itself promises otherwise.
pub(crate) fn writable_below(prefix: &str) -> Option<&'static str> {
    let lower = prefix.to_lowercase();
    WRITABLE_FOLDERS.into_iter().find(|folder| folder.starts_with(&lower))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn classes() {
        for (column, expected) in [
            ("SHA1", ColumnClass::Hash),
            ("InitiatingProcessMD5", ColumnClass::BrokenHash),
            ("SignerHash", ColumnClass::Signer),
            ("IssuerHash", ColumnClass::Issuer),
            ("Issuer", ColumnClass::Issuer),
            ("IsSigned", ColumnClass::SignaturePresence),
            ("IsTrusted", ColumnClass::SignatureValidity),
            ("AppId", ColumnClass::ApplicationId),
            ("AccountUpn", ColumnClass::AccountName),
            ("SubjectUserSid", ColumnClass::DirectoryId),
            ("NewProcessName", ColumnClass::Path),
            ("SrcIpAddr", ColumnClass::Address),
            ("InitiatingProcessSHA256", ColumnClass::Hash),
            ("DeviceId", ColumnClass::DirectoryId),
            ("FolderPath", ColumnClass::Path),
            ("InitiatingProcessCommandLine", ColumnClass::CommandLine),
            ("FileName", ColumnClass::ChosenName),
            ("DeviceName", ColumnClass::ChosenName),
            ("RemoteIP", ColumnClass::Address),
        ] {
            assert_eq!(class(column), expected, "{column}");
        }
    }

    #[test]
    fn ways_to_write() {
        for path in [
            r"C:\Program Files\Contoso\updater.exe",
            r"c:\program files (x86)\x\",
            r"c:\windows\system32\x.exe",
            "C:/Windows/System32/x.exe",
            r"C:\WINDOWS\explorer.exe",
            "/usr/bin/x",
            "/lib64/x.so",
            "/opt/vendor/agent",
        ] {
            assert_eq!(way_to_write(path), None, "{path}");
        }
        for (path, way) in [
            (r"C:\Windows\Temp\x.exe", "any user can write to `C:\\Windows\\Temp\\x.exe`"),
            (r"C:/Windows/Tasks/x.exe", "any user can write"),
            (r"C:\Windows\System32\spool\drivers\color\x.exe", "any user can write"),
            (r"C:\Windows\Sysnative\Tasks\x", "any user can write"),
            (r"C:\Windows\", "which is below `C:\\Windows\\`"),
            (r"C:\Windows\System32\", "which is below"),
            (r"C:\Windows\Tem", "which is below"),
            (r"C:\Program Files\..\Users\x.exe", "leads to other folders"),
            (r"C:\Program Files\.\x.exe", "leads to other folders"),
            (r"C:\Windows\\Temp\x.exe", "two separators"),
            (r"C:\PROGRA~1\x.exe", "short name"),
            (r"C:\Windows\System32\spool\DRIVER~1\color\x.exe", "short name"),
            (r"C:\Program Files\Vendor\log.txt:x.exe", "stream"),
            (r"C:\Windows \System32\x.exe", "looks like `windows`"),
            (r"C:\Program Files", "any user can write"),
            (r"C:\Program Files\*", "wildcard means nothing"),
            (r"%ProgramFiles%\x.exe", "variables"),
            (r"C:\Windows\%TEMP%\x.exe", "variables"),
            (r"\\server\share\x.exe", "share"),
            (r"\Device\HarddiskVolume3\Windows\x.exe", "any user can write"),
            (r"C:\Users\joe\x.exe", "any user can write"),
            (r"C:\ProgramData\x.exe", "any user can write"),
            (r"D:\Program Files\x.exe", "any user can write"),
            ("updater.exe", "any user can write"),
            ("/tmp/x", "any user can write"),
            ("/var/tmp/x", "any user can write"),
            ("/dev/shm/x", "any user can write"),
            ("/home/joe/x", "any user can write"),
            ("/usr/local/bin/x", "any user can write"),
            ("/usr/", "which is below"),
            ("/usr//local/x", "two separators"),
            ("/usr/bin/../../tmp/x", "leads to other folders"),
            ("~/x", "variables"),
        ] {
            let found = way_to_write(path);
            assert!(found.as_ref().is_some_and(|found| found.contains(way)), "{path}: {found:?}");
        }
    }
}
