//! What an attacker can do about a column: the facts behind an entry's strength (product.md §3).

/// How a column's value comes about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum ColumnClass {
    /// A digest of the content: another file has another value.
    Hash,
    /// The id of a device or account, given by the directory.
    DirectoryId,
    /// The name of a signer: strong only together with a validity column.
    Signer,
    /// Says whether a signature is valid and trusted.
    SignatureValidity,
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
const SUFFIXES: [(&str, ColumnClass); 40] = [
    ("sha256", ColumnClass::Hash),
    ("sha1", ColumnClass::Hash),
    ("filehash", ColumnClass::Hash),
    ("certificatethumbprint", ColumnClass::Hash),
    ("signerhash", ColumnClass::Hash),
    ("issuerhash", ColumnClass::Hash),
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
    ("appid", ColumnClass::DirectoryId),
    ("sourcecomputerid", ColumnClass::DirectoryId),
    ("signer", ColumnClass::Signer),
    ("signername", ColumnClass::Signer),
    ("issuer", ColumnClass::Signer),
    ("issigned", ColumnClass::SignatureValidity),
    ("istrusted", ColumnClass::SignatureValidity),
    ("signaturestate", ColumnClass::SignatureValidity),
    ("iscertificatevalid", ColumnClass::SignatureValidity),
    ("isrootsignermicrosoft", ColumnClass::SignatureValidity),
    ("folderpath", ColumnClass::Path),
    ("filepath", ColumnClass::Path),
    ("imagepath", ColumnClass::Path),
    ("newprocessname", ColumnClass::Path),
    ("parentprocessname", ColumnClass::Path),
    ("directory", ColumnClass::Path),
    ("taskcommand", ColumnClass::Path),
    ("commandline", ColumnClass::CommandLine),
    ("ipaddress", ColumnClass::Address),
    ("remoteip", ColumnClass::Address),
    ("localip", ColumnClass::Address),
    ("clientip", ColumnClass::Address),
    ("sourceip", ColumnClass::Address),
    ("destinationip", ColumnClass::Address),
];

/// The class of a column, by its name.
pub(crate) fn class(column: &str) -> ColumnClass {
    let lower = column.to_ascii_lowercase();
    SUFFIXES
        .iter()
        .find(|(suffix, _)| lower.ends_with(suffix))
        .map_or(ColumnClass::ChosenName, |(_, class)| *class)
}

/// Folders that only an administrator can write, lower case, with their separator.
const ADMIN_FOLDERS: [&str; 10] = [
    r"c:\program files\",
    r"c:\program files (x86)\",
    r"c:\windows\",
    "/usr/",
    "/bin/",
    "/sbin/",
    "/opt/",
    "/lib/",
    "/system/",
    "/applications/",
];

/// Folders below those that every user can write all the same.
const WRITABLE_FOLDERS: [&str; 12] = [
    r"c:\windows\temp\",
    r"c:\windows\tasks\",
    r"c:\windows\tracing\",
    r"c:\windows\debug\wia\",
    r"c:\windows\registration\crmlog\",
    r"c:\windows\system32\fxstmp\",
    r"c:\windows\system32\com\dmp\",
    r"c:\windows\system32\spool\drivers\color\",
    r"c:\windows\system32\spool\printers\",
    r"c:\windows\system32\tasks\",
    r"c:\windows\syswow64\tasks\",
    r"c:\windows\servicing\sessions\",
];

/// Whether `path` (or every path that begins with it) lies where only an administrator can write.
pub(crate) fn is_admin_only(path: &str) -> bool {
    let lower = path.to_lowercase().replace('/', if path.starts_with('/') { "/" } else { "\\" });
    !lower.contains("..")
        && ADMIN_FOLDERS.iter().any(|folder| lower.starts_with(folder))
        && !WRITABLE_FOLDERS.iter().any(|folder| lower.starts_with(folder) || folder.starts_with(&lower))
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
    fn admin_only_paths() {
        for (path, expected) in [
            (r"C:\Program Files\Contoso\updater.exe", true),
            (r"c:\windows\system32\x.exe", true),
            (r"C:\Windows\Temp\x.exe", false),
            (r"C:\Windows\", false),
            (r"C:\Program Files\..\Users\x.exe", false),
            (r"C:\Users\joe\x.exe", false),
            (r"C:\ProgramData\x.exe", false),
            ("/usr/bin/x", true),
            ("/tmp/x", false),
        ] {
            assert_eq!(is_admin_only(path), expected, "{path}");
        }
    }
}
