//! What the lints know about columns and tables: facts as data.

use crate::kql::syntax::{Expr, ExprKind};

/// Columns that hold what an attacker types, or the name that he gives to a file.
const CHOSEN_BY_ATTACKER: &[&str] = &[
    "filename",
    "folderpath",
    "processcommandline",
    "commandline",
    "processname",
    "newprocessname",
    "parentprocessname",
    "initiatingprocessfilename",
    "initiatingprocessfolderpath",
    "initiatingprocesscommandline",
    "initiatingprocessparentfilename",
    "initiatingprocessversioninfooriginalfilename",
    "processversioninfooriginalfilename",
    "previousfilename",
    "previousfolderpath",
    "process",
    "image",
    "parentimage",
    "targetfilename",
    "originalfilename",
    "registrykey",
    "registryvaluename",
    "actingprocessname",
    "actingprocesscommandline",
    "targetprocessname",
    "targetprocesscommandline",
];

/// Columns that name an account: Windows and Entra ID compare them without case.
const ACCOUNTS: &[&str] = &[
    "accountname",
    "accountupn",
    "accountdomain",
    "account",
    "targetaccount",
    "subjectaccount",
    "targetusername",
    "subjectusername",
    "userprincipalname",
    "initiatingprocessaccountname",
    "initiatingprocessaccountupn",
    "targetaccountupn",
    "username",
];

/// Columns that hold a whole command line.
const COMMAND_LINES: &[&str] = &[
    "processcommandline",
    "commandline",
    "initiatingprocesscommandline",
    "actingprocesscommandline",
    "targetprocesscommandline",
    "processcommandlinecreated",
];

/// Columns that hold a process id, which systems use again.
const PROCESS_IDS: &[&str] =
    &["processid", "newprocessid", "parentprocessid", "initiatingprocessid", "initiatingprocessparentid"];

/// Columns that tell devices apart.
const DEVICES: &[&str] = &[
    "deviceid",
    "devicename",
    "computer",
    "hostname",
    "dvc",
    "dvchostname",
    "dvcid",
    "machinename",
    "host",
    "sourcecomputerid",
    "azureresourceid",
    "_resourceid",
    "devicecustomstring1",
    "hostcustomentity",
    "remotedevicename",
    "aadeviceid",
];

/// Columns that hold the time of an event.
const TIMES: &[&str] = &["timegenerated", "timestamp", "eventtime", "createddatetime"];

/// Tables that many products write to, with the columns that tell the products or kinds of record apart.
pub(crate) const SHARED_TABLES: &[(&str, &[&str])] = &[
    ("CommonSecurityLog", &["DeviceVendor", "DeviceProduct", "DeviceEventClassID"]),
    ("AzureDiagnostics", &["ResourceType", "Category", "ResourceProvider", "Resource", "ResourceId"]),
    ("Event", &["Source", "EventLog", "EventID"]),
    ("OfficeActivity", &["OfficeWorkload", "RecordType", "Operation"]),
    ("CloudAppEvents", &["Application", "ApplicationId", "ActionType"]),
    ("Syslog", &["Facility", "ProcessName", "SyslogMessage"]),
];

pub(crate) fn is_chosen_by_attacker(column: &str) -> bool {
    listed(CHOSEN_BY_ATTACKER, column)
}

pub(crate) fn is_account(column: &str) -> bool {
    listed(ACCOUNTS, column)
}

pub(crate) fn is_command_line(column: &str) -> bool {
    listed(COMMAND_LINES, column)
}

pub(crate) fn is_process_id(column: &str) -> bool {
    listed(PROCESS_IDS, column)
}

pub(crate) fn is_device(column: &str) -> bool {
    listed(DEVICES, column) || column.to_ascii_lowercase().contains("device")
}

/// A name that says it holds the time of something.
pub(crate) fn is_time(column: &str) -> bool {
    listed(TIMES, column)
}

/// The time of an event, or a function of it: `TimeGenerated`, `ingestion_time()`, `bin(Timestamp, 1h)`.
pub(crate) fn is_time_expr(expr: &Expr) -> bool {
    match &expr.kind {
        ExprKind::Name(name) => is_time(&name.text),
        ExprKind::Path(path) => is_time_expr(&path.selector),
        ExprKind::Call(call) => {
            matches!(&*call.name.text, "ingestion_time" | "ago") || call.arguments.iter().any(is_time_expr)
        }
        ExprKind::Paren(inner) => is_time_expr(inner),
        _ => false,
    }
}

fn listed(list: &[&str], column: &str) -> bool {
    list.iter().any(|known| known.eq_ignore_ascii_case(column))
}
