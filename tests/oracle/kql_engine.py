"""Makes events and queries, and writes down what an independent engine answers.

    pip install 'duckdb-kql[duckdb]==1.1.2'
    python tests/oracle/kql_engine.py

writes tests/data/kql-engine/events-*.kql and queries.txt, which `cargo test` replays (src/kql/eval/tests/engine.rs). The
engine translates KQL to SQL of DuckDB; it shares nothing with the evaluator. Events and queries are made here from a
fixed seed: two runs with the same version of the engine write the same bytes. Queries that the engine refuses are left
out. What it answers otherwise than the documentation says is told in tests/data/kql-engine/decided.txt.
"""

import datetime
import json
import random
import re
import sys
import uuid
from importlib.metadata import version
from pathlib import Path

import duckdb_kql

HERE = Path(__file__).resolve().parent.parent / "data" / "kql-engine"

DEVICES = ["srv-01", "SRV-01", "srv-02.corp.example", "läptop-Ä", "host_7", "", "WS 9"]
USERS = ["alice", "Alice", "bob@corp.example", "CORP\\svc_backup", "Jürgen Groß", "", "root"]
FILES = [
    "cmd.exe", "CMD.EXE", "powershell.exe", "schtasks.exe", "update_task.exe", "Δelta.bin", "", "a.tar.gz", "exe",
]
COMMANDS = [
    "schtasks /create /tn \"My Task\" /tr C:\\Users\\Public\\a.exe /sc daily",
    "SCHTASKS.EXE /Create /TN updater /SC ONLOGON",
    "powershell.exe -NoP -enc SQBFAFgA",
    "cmd.exe /c echo key=value; id=42, user=alice",
    "curl http://10.0.0.5:8080/a?b=c&d=e -o /tmp/x",
    "rundll32 shell32.dll,Control_RunDLL",
    "naïve café -x 7 -y 19",
    "",
    "id=7, user=Bob",
    "a_b a-b ab",
]
IPS = ["10.0.0.5", "10.0.0.77", "192.168.1.20", "8.8.8.8", "not an ip", "", "fe80::1"]
DETAILS = [
    '{"a":1,"b":"x","tags":["new","Old","new"],"n":{"deep":[1,2,3]}}',
    '{"a":2.5,"b":"","tags":[],"on":true}',
    '{"a":"7","tags":["só","new"],"n":{"deep":null}}',
    '{"b":"X","when":"2026-03-01T10:00:00Z"}',
    "[1,2,3]",
    '["p","q"]',
    "{}",
    None,
]


def text(value):
    return json.dumps(value, ensure_ascii=False)


def stamp(moment):
    return f"datetime({moment.isoformat(sep=' ')})" if moment else "datetime(null)"


def events(seed, count, missing):
    """The tables of one set of events, as `let` statements."""
    rng = random.Random(seed)
    start = datetime.datetime(2026, 3, 1, 8, 0, 0)
    maybe = lambda value, null: null if rng.random() < missing else value  # noqa: E731
    rows = []
    for number in range(count):
        at = start + datetime.timedelta(seconds=number * 397 + rng.randrange(300), milliseconds=rng.choice([0, 0, 250]))
        ended = at + datetime.timedelta(seconds=rng.randrange(4000)) if rng.random() >= missing else None
        rows.append(", ".join([
            str(number),
            stamp(at),
            stamp(ended),
            text(rng.choice(DEVICES)),
            text(rng.choice(USERS)),
            text(rng.choice(FILES)),
            text(rng.choice(COMMANDS)),
            text(rng.choice(IPS)),
            maybe(str(rng.choice([22, 80, 443, 445, 3389, 0, -1])), "int(null)"),
            maybe(str(rng.choice([0, 1, 7, 512, 1024, 99999999999, -3])), "long(null)"),
            maybe(str(rng.choice([0.0, 0.5, 1.25, 99.9, -2.75, 1000000.0])), "real(null)"),
            maybe(rng.choice(["true", "false"]), "bool(null)"),
            maybe(rng.choice(["1h", "90s", "2.5d", "0s", "250ms", "time(-00:30:00)"]), "timespan(null)"),
            (lambda d: f"dynamic({d})" if d else "dynamic(null)")(rng.choice(DETAILS)),
        ]))
    owners = []
    for device in DEVICES[:6] + ["SRV-01", "unknown"]:
        tier = maybe(str(rng.choice([1, 2, 3])), "int(null)")
        seen = stamp(start + datetime.timedelta(hours=rng.randrange(72)))
        owners.append(f"{text(device)}, {text(rng.choice(USERS))}, {tier}, {seen}")
    verdicts = [f"{text(ip)}, {text(v)}" for ip, v in [
        ("10.0.0.5", "bad"), ("8.8.8.8", "good"), ("10.0.0.5", "worse"), ("", "none"), ("1.2.3.4", "bad"),
    ]]
    return (
        "let Events = datatable(Id:long, Time:datetime, Ended:datetime, Device:string, User:string, File:string, Command:string,"
        " Ip:string, Port:int, Bytes:long, Score:real, Ok:bool, Took:timespan, Details:dynamic) [\n"
        + "".join(f"    {row},\n" for row in rows)
        + "];\nlet Owners = datatable(Device:string, Owner:string, Tier:int, Seen:datetime) [\n"
        + "".join(f"    {row},\n" for row in owners)
        + "];\nlet Intel = datatable(Ip:string, Verdict:string) [\n"
        + "".join(f"    {row},\n" for row in verdicts)
        + "];\n"
    )


SETS = {1: (11, 14, 0.15), 2: (22, 22, 0.4), 3: (33, 5, 0.0), 4: (44, 1, 1.0)}

STRINGS = ["Device", "User", "File", "Command", "Ip"]
NUMBERS = ["Port", "Bytes", "Score"]
NEEDLES = ["exe", "CMD", "cmd.exe", "task", "a", "-01", "srv", "alice", "é", "ä", "", "user=alice", "_", "10.0", "x", ".", "new"]
TEXT_OPERATORS = [
    "==", "!=", "=~", "!~", "has", "!has", "has_cs", "!has_cs", "contains", "!contains", "contains_cs", "!contains_cs",
    "startswith", "!startswith", "startswith_cs", "!startswith_cs", "endswith", "!endswith", "endswith_cs",
    "!endswith_cs", "hasprefix", "!hasprefix", "hasprefix_cs", "hassuffix", "!hassuffix", "hassuffix_cs",
]
PATTERNS = [r"^[a-z]+\.exe$", r"(?i)SCHTASKS", r"\d+", r"a.b", r"user=(\w+)", r"[A-Z]{3}", r"\.(exe|bin)$"]
TESTS = [
    "Port == 443", "Port != 80", "Bytes > 7", "Bytes <= 512", "Score < 1.0", "Score >= 0.5", "Ok", "not(Ok)", "Ok == false",
    "Ok != true", "isnull(Port)", "isnotnull(Bytes)", "isempty(User)", "isnotempty(Device)", "Took > 1m", "Took <= 1h",
    "Ended > Time + 10m", "isnull(Ended)", "Ended between (datetime(2026-03-01 08:30) .. 1h)", "Port between (22 .. 443)",
    "Port !between (22 .. 443)", "Port in (22, 443)", "Port !in (22, 443)", "Bytes in (7, 512, 1024)", "Bytes == Port",
    "Details.a == 1", "Details.b == 'x'", "Details.b != 'x'", "tostring(Details.b) =~ 'X'", "isnull(Details)",
    "isempty(Details.b)", "isnotempty(Details.n)", "Details.on == true", "Details.tags has 'new'", "Details has 'new'",
    "Port + Bytes > 100", "Bytes % 2 == 1", "Bytes / 2 > 3", "-Bytes < 0", "Time > datetime(2026-03-01 08:20)",
    "Time between (datetime(2026-03-01 08:10) .. datetime(2026-03-01 09:00))", "hourofday(Time) == 9", "Score == Bytes",
]
AGGREGATES = [
    "count()", "countif(Ok)", "countif(Port > 100)", "dcount(User)", "dcount(Port)", "dcountif(Device, Ok)", "sum(Bytes)",
    "sum(Score)", "sumif(Bytes, Ok)", "avg(Bytes)", "avg(Score)", "avgif(Score, Ok)", "min(Bytes)", "max(Bytes)", "min(Time)",
    "max(Ended)", "min(User)", "max(File)", "min(Took)", "max(Took)", "sum(Took)", "avg(Took)", "minif(Port, Ok)",
    "maxif(Port, Ok)", "array_sort_asc(make_set(User))", "array_sort_asc(make_set(Port))", "array_sort_asc(make_list(Bytes))",
    "array_length(make_list(Port))", "array_length(make_set(Ok))", "array_sort_asc(make_set_if(File, Ok))",
    "array_length(make_list_if(File, Port > 50))", "percentile(Bytes, 50)", "percentile(Bytes, 90)", "stdev(Score)",
    "variance(Score)", "count_distinct(User)", "make_list_with_nulls(Port)", "max(Score) - min(Score)", "count() * 2 + 1",
    "countif(isnull(Port)) * 1.0 / count()", "iff(count() > 3, 'many', 'few')", "array_sort_asc(make_set(tolower(Device)))",
    "toreal(sum(Bytes)) / count()", "array_length(make_set(Details.a))", "strcat_array(array_sort_asc(make_set(Ip)), ',')",
]
KEYS = [
    "Device", "User", "Ok", "Port", "bin(Time, 1h)", "bin(Time, 10m)", "tolower(Device)", "Device, Ok", "bin(Bytes, 100)",
    "Tag = iff(Port > 100, 'high', 'low')", "isempty(User)", "substring(File, 0, 1)", "Hour = hourofday(Time)",
    "tostring(Details.b)", "startofday(Time)", "bin(Score, 1.0)", "bin(Took, 1h)",
]
SCALARS = [
    "tostring(Port)", "tostring(Bytes)", "tostring(Score)", "tostring(Ok)", "tostring(Time)", "tostring(Took)", "tostring(Details)",
    "tostring(Details.a)", "tostring(Details.b)", "tostring(Details.on)", "tostring(Details.tags)", "strcat(User, '/', Port)",
    "strcat(Ok, '-', Took)", "strcat_delim(';', User, Port, Score)", "toint(Bytes)", "tolong(Score)", "toreal(Port)",
    "toint(Details.a)", "todouble(Details.a)", "tobool(Port)", "tolong(User)", "todatetime(Details.when)", "totimespan('01:30:00')",
    "strlen(User)", "toupper(Device)", "tolower(User)", "reverse(File)", "substring(Command, 3, 5)", "substring(User, 2)",
    "indexof(Command, 'a')", "indexof(File, '.')", "countof(Command, 'a')", "countof(Command, @'\\w+', 'regex')",
    "replace_string(Command, 'a', 'AA')", "replace_regex(Command, @'(\\w+)=(\\w+)', @'\\2=\\1')", "trim('\"', Command)",
    "trim_start(@'\\w', File)", "trim_end(@'\\.exe', File)", "split(Command, ' ')", "split(File, '.')[0]", "split(Ip, '.', 1)",
    "extract(@'user=(\\w+)', 1, Command)", "extract(@'id=(\\d+)', 1, Command, typeof(long))", "extract(@'/(\\w+)', 0, Command)",
    "extract_all(@'(\\w)=(\\w)', Command)", "extract_all(@'([a-z]+)\\.', File)", "parse_json('{\"k\":[1,2]}').k[1]",
    "Details.a", "Details.b", "Details.tags[0]", "Details.n.deep[1]", "Details['b']", "Details[0]", "array_length(Details.tags)",
    "bag_keys(Details)", "isnull(Details.a)", "isempty(Details.b)", "gettype(Details.a)", "gettype(Details)",
    "array_index_of(Details.tags, 'new')", "set_has_element(Details.tags, 'new')", "array_concat(Details.tags, dynamic(['z']))",
    "array_slice(Details.tags, 0, 0)", "array_sort_asc(Details.tags)", "pack_array(User, Port)", "bag_pack('u', User, 'p', Port)",
    "bag_merge(Details, dynamic({'z':1}))", "set_union(Details.tags, dynamic(['z']))", "set_difference(Details.tags, dynamic(['new']))",
    "bin(Time, 1h)", "bin(Bytes, 10)", "bin(Score, 0.5)", "bin(Took, 1h)", "floor(Time, 30m)", "startofday(Time)", "startofweek(Time)",
    "startofmonth(Time)", "endofday(Time)", "hourofday(Time)", "dayofweek(Time)", "dayofmonth(Time)", "dayofyear(Time)", "getyear(Time)",
    "monthofyear(Time)", "datetime_add('hour', 3, Time)", "datetime_diff('minute', Ended, Time)", "datetime_diff('day', Ended, Time)",
    "datetime_part('minute', Time)", "format_datetime(Time, 'yyyy-MM-dd HH:mm:ss')", "format_timespan(Took, 'hh:mm:ss')",
    "Ended - Time", "(Ended - Time) / 1s", "Time + Took", "Time - 1d", "Took * 2", "Took / 2", "Took / 1h", "Took + 5m", "-Took",
    "unixtime_seconds_todatetime(Port)", "Port + 1", "Port / 2", "Bytes / 7", "Bytes % 7", "Bytes * 2", "Score / 2", "Port * Score",
    "Bytes / 0", "Score / 0", "Bytes % 0", "Port - Bytes", "abs(Bytes)", "round(Score, 1)", "round(Score)", "floor(Score, 1)",
    "sqrt(Bytes)", "pow(2, 3)", "log10(Bytes)", "exp(1)", "sign(Score)", "min_of(Port, 100)", "max_of(Port, Bytes)",
    "iff(Ok, 'yes', 'no')", "iff(isnull(Port), -1, Port)", "case(Port < 100, 'low', Port < 1000, 'mid', 'high')",
    "case(isempty(User), 'nobody', User)", "coalesce(Port, 0)", "coalesce(User, 'none')", "coalesce(Bytes, tolong(Port), 5)",
    "iff(Port > 50 and Ok, 1, 0)", "iff(Port > 50 or Ok, 1, 0)", "not(Ok)", "Port == 443", "Port != 443", "User == ''", "Ok == true",
    "Ok != true", "Port > 50", "isnull(Port) or Port > 50", "Ok and Port > 50", "Ok or Port > 50", "Port in (22, 80)", "User in~ ('ALICE')",
    "ipv4_is_private(Ip)", "ipv4_is_in_range(Ip, '10.0.0.0/24')", "parse_ipv4(Ip)", "ipv4_compare(Ip, '10.0.0.5')",
    "base64_encode_tostring(User)", "base64_decode_tostring('SGVsbG8=')", "url_encode(Command)", "url_decode('a%20b')",
    "hash_md5(User)", "hash_sha256(User)", "hash_sha1(Device)", "has_any_index(Command, dynamic(['cmd','curl']))", "isnan(Score)",
    "toguid('74be27de-1e4e-49d9-b579-fe0b331d3642')", "repeat(1, 3)", "range(1, 5, 2)", "make_string(65, 66)", "to_utf8('aé')",
    "bitset_count_ones(7)", "binary_and(Port, 255)", "tohex(Port)", "translate('abc', 'xyz', File)", "strrep(File, 2)", "zip(Details.tags, dynamic([1,2]))",
    "dynamic_to_json(Details)", "array_sum(dynamic([1,2,3]))", "jaccard_index(Details.tags, dynamic(['new']))", "parse_path(File).Filename",
    "parse_url('http://h.example:80/p?q=1').Host", "column_ifexists('Port', 0)", "column_ifexists('Nope', 'none')", "tostring(pack_all())",
    "strcmp(File, User)", "string_size(User)", "isascii(User)", "unicode_codepoints_from_string('aé')", "parse_csv('a,b,\"c d\"')",
    "todynamic(tostring(Details)).a", "next_day", "array_rotate_left(dynamic([1,2,3]), 1)", "array_reverse(Details.tags)", "array_iff(dynamic([true,false]), 1, 2)",
]
ORDERS = [
    "Bytes asc, Time asc", "Bytes desc, Time asc", "Bytes asc nulls last, Time asc", "Bytes desc nulls first, Time asc",
    "Score, Time", "User asc, Time asc", "Device desc, Time desc", "Ok asc, Time asc", "Ended desc, Time asc", "Took asc, Time asc",
    "tolower(File) asc, Time asc", "isnull(Port), Port asc, Time asc", "strlen(Command) desc, Time asc",
]
KINDS = ["inner", "leftouter", "rightouter", "fullouter", "leftanti", "rightanti", "leftsemi", "rightsemi", "anti"]


def where(rng):
    kind = rng.randrange(7)
    if kind < 3:
        test = f"{rng.choice(STRINGS)} {rng.choice(TEXT_OPERATORS)} {text(rng.choice(NEEDLES))}"
    elif kind == 3:
        test = f"{rng.choice(STRINGS)} {rng.choice(['in', '!in', 'in~', '!in~', 'has_any', 'has_all'])} " \
               f"({text(rng.choice(NEEDLES))}, {text(rng.choice(USERS + FILES))})"
    elif kind == 4:
        test = f"{rng.choice(['Command', 'File'])} matches regex @'{rng.choice(PATTERNS)}'"
    elif kind == 5:
        test = rng.choice(TESTS)
    else:
        test = f"{rng.choice(TESTS)} {rng.choice(['and', 'or'])} {rng.choice(TESTS)}"
    column = next((c for c in STRINGS if test.startswith(c)), "Device")
    return f"Events | where {test} | project Id, {column}"


def made(rng):
    """Queries of every kind; each is written once and asked of every set of events."""
    for operator in TEXT_OPERATORS:
        for needle in rng.sample(NEEDLES, 4):
            column = rng.choice(STRINGS)
            yield f"Events | where {column} {operator} {text(needle)} | project Id, {column}"
    for test in TESTS:
        yield f"Events | where {test} | project Id"
        yield f"Events | where not({test}) | count"
    for _ in range(60):
        yield where(rng)
    for scalar in SCALARS:
        yield f"Events | project Id, X = {scalar}"
    for aggregate in AGGREGATES:
        yield f"Events | summarize X = {aggregate}"
        yield f"Events | summarize X = {aggregate} by {rng.choice(KEYS)}"
        yield f"Events | where Port > 100000 | summarize X = {aggregate}"
    for key in KEYS:
        plain = [a for a in AGGREGATES if re.fullmatch(r"\w+\(\w*\)", a) and "list" not in a and "set" not in a]
        yield f"Events | summarize {', '.join(rng.sample(plain, 3))} by {key}"
        yield f"Events | distinct {key.split('=')[-1].strip() if ',' not in key else key}"
    for order in ORDERS:
        yield f"Events | sort by {order} | project Id, User, Bytes"
        yield f"Events | sort by {order} | take {rng.choice([1, 3, 5])} | project Id"
        yield f"Events | project Time, Bytes, Ended | top 3 by {rng.choice(['Time', 'Time asc', 'Time desc'])}"
    for kind in KINDS:
        yield f"Events | project Id, Device, Port | join kind={kind} Owners on Device"
        yield f"Events | project Id, Name = Device | join kind={kind} Owners on $left.Name == $right.Device | project-away Seen"
        yield f"Events | where Ok | project Id, Ip, Bytes | join kind={kind} (Intel | where Verdict != 'good') on Ip"
        yield f"Owners | join kind={kind} (Events | summarize N = count() by Device) on Device | project-reorder N"
        yield f"Events | project Id, Port | join kind={kind} (Owners | project Port = Tier, Owner) on Port"
    yield "Events | project Device | distinct Device | join Owners on Device | project Device, Owner | sort by Device asc, Owner asc"
    yield "Events | project Id, Device | lookup Owners on Device"
    yield "Events | project Time, Ip | lookup kind=inner Intel on Ip"
    yield "Events | project Id, Name = Device | lookup kind=leftouter (Owners | where Tier > 1) on $left.Name == $right.Device"
    yield "union Owners, Intel"
    yield "union Owners, (Events | project Device, Port) | count"
    yield "Owners | union (Events | project Device, Owner = User, Tier = Bytes) | project Device, Owner"
    yield "union kind=inner Owners, (Events | project Device, Seen = Time, Owner = User)"
    yield "Events | project Id, Tags = Details.tags | mv-expand Tags"
    yield "Events | project Id, Tags = Details.tags | mv-expand Tags to typeof(string)"
    yield "Events | project Id, Tags = Details.tags | mv-expand T = Tags to typeof(string) | where T has 'new' | summarize count() by T"
    yield "Events | project Time, Deep = Details.n.deep | mv-expand Deep to typeof(long)"
    yield "Events | project Id, Words = split(Command, ' ') | mv-expand Words to typeof(string) | summarize N = count() by Words"
    yield "Events | project Time, W = split(Command, ' '), D = Details.tags | mv-expand W, D"
    yield "Events | project Time, A = pack_array(Port, Bytes) | mv-expand with_itemindex=I A"
    yield "Events | where Ok | project Time, Details | mv-expand Details"
    yield "Events | project Id, Words = split(Command, ' ') | mv-apply W = Words to typeof(string) on (where strlen(W) > 3 | summarize N = count())"
    yield "Events | project Id, Words = split(Command, ' ') | mv-apply W = Words to typeof(string) on (summarize L = array_length(make_list(W)))"
    for by in ["Device", "User", "Ok", "Port"]:
        yield f"Events | summarize arg_max(Time, *) by {by} | project {by}, Time, File, Bytes" if by != "Port" else \
              "Events | summarize arg_max(Time, *) by Port | project Port, Time, File"
        yield f"Events | summarize arg_min(Time, User, Bytes) by {by}" if by != "User" else \
              "Events | summarize arg_min(Time, File, Bytes) by User"
        yield f"Events | summarize Last = arg_max(Time, File) by {by}"
        yield f"Events | summarize N = count(), First = min(Time), Last = max(Time) by {by} | extend Span = Last - First | where N > 1"
    for pattern in [
        "* 'user=' Who", "'id=' Id:long ', user=' Who", "Program ' ' Rest", "* '/tn ' Name ' ' *", "* 'http://' Host ':' Port2:int '/' *",
        "Program:string ' /' Verb ' ' *", "* '-x ' X:int ' -y ' Y:long", "kind=regex @'.*id=' Id:long @',.*user=' Who",
        "* 'key=' Value ';' * 'id=' Id:int ',' *", "* 'a' V 'e'", "* ' ' V 'exe'", "* 'id=' Id:long ', user=' Who 'e'",
        "* 'id=' N:long *", "* 'id=' N:real * 'user=' Who", "* '-x ' Yes:bool * 'y ' N:int", "kind=relaxed * 'id=' Id:long ',' * 'user=' N:int",
        "kind=relaxed * '-x ' X:int ' -y ' Y", "kind=regex '.*=' N:long", "kind=regex 'a' V 'e'", "kind=regex * '[a-z]+=' V ' '",
    ]:
        kind, pattern = re.fullmatch(r"(kind=\w+ )?(.*)", pattern).groups(default="")
        yield f"Events | project Id, Command | parse {kind}Command with {pattern}"
        yield f"Events | project Id, Command | parse-where {kind}Command with {pattern} | project-away Command"
    yield "Events | sort by Time asc | extend N = row_number(), P = prev(Port), Q = next(Bytes) | project Time, N, P, Q"
    yield "Events | sort by Time asc | serialize Gap = Time - prev(Time) | project Time, Gap"
    yield "Events | sort by Device asc, Time asc | serialize New = Device != prev(Device) | project Device, Time, New"
    yield "Events | sort by Time asc | extend P = prev(User, 2, 'none'), Q = next(User, 1, 'end') | project Time, P, Q"
    yield "Events | sort by Time asc | serialize S = row_cumsum(Port) | project Time, S"
    yield "Events | sort by Device asc, Time asc | serialize S = row_cumsum(1, Device != prev(Device)) | project Device, Time, S"
    yield "Events | sort by Time asc | serialize R = row_number(10) | project Time, R"
    yield "let f = (x:long) { x * 2 + 1 }; Events | project Id, X = f(Bytes)"
    yield "let limit = 100; let low = (p:int) { p < limit }; Events | where low(Port) | project Id, Port"
    yield "let busy = Events | summarize N = count() by Device | where N > 1; busy | join kind=inner Owners on Device | project Device, N, Owner"
    yield "let t = toscalar(Events | summarize max(Bytes)); Events | where Bytes == t | project Time, Bytes"
    yield "let names = Owners | project Device; Events | where Device in (names) | project Id, Device"
    yield "let names = dynamic(['alice', 'root']); Events | where User in~ (names) | project Id, User"
    yield "let f = (T:(Device:string), d:string) { T | where Device =~ d }; f(Events, 'srv-01') | project Id, Device"
    yield "let start = datetime(2026-03-01 08:30); Events | where Time between (start .. start + 45m) | project Id"
    yield "Events | extend Tag = case(Port == 443, 'web', Port in (22, 3389), 'remote', isnull(Port), 'none', 'other') | summarize count() by Tag"
    yield "Events | summarize N = count() by Device, User | where N > 0 | summarize Users = count() by Device"
    yield "Events | summarize N = count() by bin(Time, 30m) | sort by Time asc"
    yield "Events | extend Day = format_datetime(Time, 'yyyy-MM-dd') | summarize Files = array_length(make_set(File)) by Day"
    yield "Events | project-away Command, Details, Took, Score, Ok | project-rename Who = User | project-reorder Who, Ip | where isnotempty(Who)"
    yield "Events | project-keep D*, Time | project-away Details"
    yield "Events | extend Bytes = Bytes * 2, Port2 = Port | project Time, Bytes, Port2"
    yield "Events | extend User = tolower(User) | summarize count() by User | where count_ > 1 | project User"
    yield "Events | where Device in ((Owners | where Tier > 1 | project Device)) | count"
    yield "Events | count"
    yield "Events | summarize by Device, Ok"
    yield "Events | getschema | project ColumnName, ColumnType"
    yield "range x from 1 to 10 step 3 | extend y = x * x"
    yield "range t from datetime(2026-03-01) to datetime(2026-03-02) step 6h"
    yield "range x from 10 to 1 step -4"
    yield "print a = 1, b = 'x', c = 2.5, d = true, e = 1h, f = dynamic([1])"
    yield "datatable(a:int, b:string)[1, 'x', int(null), ''] | extend c = isnull(a), d = isempty(b), e = strlen(b)"
    yield "let T = Events | where Ok; T | join kind=leftanti (Events | where Port > 100) on Device | project Id, Device"
    for ty in ["long", "int", "real", "bool", "string", "datetime", "guid"]:
        yield "print M = dynamic([1, 2.5, -2.5, '2', '7.5', true, null, 'x', '2026-03-01', '74be27de-1e4e-49d9-b579-fe0b331d3642'])" \
              f" | mv-expand M to typeof({ty})"
    for operator in ["==", "!=", "<", "<=", ">", ">="]:
        yield f"Events | project Id, X = Port {operator} Bytes, Y = Ended {operator} Time, Z = Score {operator} Bytes"
        yield f"Events | project Id, X = Details.a {operator} 1, Y = Took {operator} 1h"
        yield f"Events | where Ended {operator} Time and Port {operator} 443 | project Id"
    for value in ["int(null)", "long(null)", "real(null)", "bool(null)", "datetime(null)", "timespan(null)", "guid(null)", "''"]:
        yield f"print V = {value} | extend S = tostring(V), N = isnull(V), E = isempty(V), C = strcat('<', V, '>'), L = strlen(tostring(V))"
    for value in ["7 / 2", "-7 / 2", "7 % 3", "-7 % 3", "7.0 / 2", "1h / 2", "1d / 1h", "0 / 0", "1.0 / 0", "bin(7, 5)", "bin(-7, 5)",
                  "bin(0.3, 0.1)", "int(2147483647) + int(1)", "round(2.5)", "round(-2.5)", "round(1.005, 2)", "tolong('5.7')",
                  "tolong('1e3')", "tolong(' 7 ')", "tolong('0x10')", "toint(9999999999)", "todouble('1,000')", "tobool('2')",
                  "tobool('1.5')", "tobool(1.5)", "tolong(1d)", "tostring(-1.5d)", "tostring(1ms)", "countof('aaaa', 'aa')",
                  "substring('abcdefg', 2, 3)", "substring('abc', -2)", "substring('abc', 1, -1)", "indexof('abcabc', 'c', 3)",
                  "'a_b' has 'a'", "'x-error' hasprefix 'err'", "'x-error' hassuffix 'err'", "'x ab y' hasprefix ' a'",
                  "'errors' has 'error'", "'a b' has ' '", "'abc def' has_all ('abc', 'def')", "'abc def' has_any ('zz', 'DEF')",
                  "strcat_delim('-', 'a', int(null), 'b')", "2 in (2.0)", "'a' in~ ('A')", "not(bool(null))", "1 == 1.0",
                  "tostring(dynamic([datetime(2026-01-01)]))", "tostring(pack_array(1d))", "toint('2147483648')", "parse_json('abc')",
                  "todatetime('02/17/2016 08:40:01')", "datetime_diff('week', datetime(2026-03-09), datetime(2026-03-01))",
                  "replace_regex('a1b22', @'\\d+', '#')", "extract(@'(\\d+)', 1, 'a12b')", "trim(' ', '  a b ')", "dynamic({'a':1}).a + 1"]:
        yield f"print V = {value}"
    for url in ["https://login.example:443/a/b.php?user=x&pass=%20y#top", "www.example.com/a?x=1", "example.com", "/a/b?c=d#e", "",
                "mailto:a@b.example", "http://user@h.example/p", "http://user:pw@h.example/p", "http://h.example/?z=2&a=1&z=3",
                "http://h.example/p?k=&=v&flag", "http://h.example/", "http://h.example/#", "HTTP://H.EXAMPLE/A%20b",
                "http://[2001:db8::1]:8080/p", "//h.example/p", "ftp://10.0.0.5", "file:///c:/x", "http://h.example:x/p", "a:b:c",
                "?a=b", "#f", "http://h.example?q=1"]:
        yield f"print V = parse_url('{url}')"
    for ip in ["10.0.0.5", "10.0.0.5/24", "010.0.0.5", " 10.0.0.5", "10.0.0", "256.0.0.1", "10.0.0.5/33", "", "::1", "2001:DB8::10/64", "::",
               "fe80::1%eth0", "::ffff:10.0.0.5/24", "::10.0.0.5", "10.0.0.5/0", "2001:db8::10/129", "::ffff:10.0.0.5/120", "1::2::3"]:
        yield f"print A = parse_ipv4('{ip}'), B = parse_ipv6('{ip}'), C = ipv4_is_private('{ip}'), D = ipv4_is_in_range('{ip}', '10.0.0.0/8')"
    yield "Events | summarize percentiles(Bytes, 25, 50, 75)"
    yield "Events | summarize percentiles(Bytes, 50, 95) by Ok"
    yield "Events | where isnotempty(tostring(Details.b)) | project Time, B = tostring(Details.b)"
    yield "Owners | extend k = 1 | join kind=inner (Intel | extend k = 1) on k | project Device, Verdict"
    yield "Events | project Time, Device | join kind=inner (Events | project Time2 = Time, Device) on Device | where Time2 > Time | extend Gap = Time2 - Time | project Device, Time, Time2, Gap"
    yield "Events | summarize Times = array_sort_asc(make_list(Time)) by User | project User, First = Times[0], N = array_length(Times)"


TYPES = {
    "TIMESTAMP": "datetime", "TIMESTAMP_NS": "datetime", "VARCHAR": "string", "BIGINT": "long", "INTEGER": "int", "DOUBLE": "real",
    "BOOLEAN": "bool", "JSON": "dynamic", "UUID": "guid", "INTERVAL": "timespan", "HUGEINT": "long", "DATE": "datetime",
}


def type_name(kind):
    kind = str(kind)
    return "dynamic" if kind.endswith("[]") or kind.startswith("STRUCT") else TYPES.get(kind.split("(")[0], kind)


def plain(value):
    """A list or struct of DuckDB as JSON."""
    if isinstance(value, datetime.datetime):
        return moment(value)
    if isinstance(value, datetime.timedelta):
        return span(value)
    if isinstance(value, list):
        return [plain(v) for v in value]
    if isinstance(value, uuid.UUID):
        return str(value)
    return value


def moment(value):
    return value.strftime("%Y-%m-%dT%H:%M:%S.") + f"{value.microsecond:06}0Z"


def span(value):
    micros = (value.days * 86400 + value.seconds) * 1000000 + value.microseconds
    sign, micros = ("-", -micros) if micros < 0 else ("", micros)
    seconds, fraction = divmod(micros, 1000000)
    days, seconds = divmod(seconds, 86400)
    text_ = f"{seconds // 3600:02}:{seconds // 60 % 60:02}:{seconds % 60:02}"
    return sign + (f"{days}." if days else "") + text_ + (f".{fraction:06}0" if fraction else "")


def cell(value, kind):
    if kind == "string":
        return text(value or "")
    if value is None:
        return "null"
    if kind == "dynamic":
        value = json.loads(value) if isinstance(value, str) else plain(value)
        return "null" if value is None else json.dumps(value, ensure_ascii=False, sort_keys=True, separators=(",", ":"))
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, datetime.datetime):
        return moment(value)
    if isinstance(value, datetime.date):
        return value.isoformat() + "T00:00:00.0000000Z"
    if isinstance(value, datetime.timedelta):
        return span(value)
    return str(value)


def answer(connection, query):
    relation = duckdb_kql.query(connection, query)
    kinds = [type_name(kind) for kind in relation.types]
    rows = [" | ".join(cell(v, k) for v, k in zip(row, kinds)) for row in relation.fetchall()]
    head = " ".join(f"{name}:{kind}" for name, kind in zip(relation.columns, kinds))
    ordered = re.search(r"\| (sort|top)\b", query) and not re.search(r"\| (summarize|join|lookup|union|distinct)\b", query)
    return [head, *(rows if ordered else sorted(rows))], bool(ordered)


def main():
    worlds = {}
    for number, arguments in SETS.items():
        written = events(*arguments)
        (HERE / f"events-{number}.kql").write_text(written, encoding="utf-8")
        worlds[number] = duckdb_kql.connect()
        for table in ("Events", "Owners", "Intel"):
            worlds[number].execute(f'CREATE TABLE "{table}" AS {duckdb_kql.to_sql(written + table)}')
    rng = random.Random(8)
    queries = list(dict.fromkeys(made(rng)))
    blocks, refused = [], {}
    for query in queries:
        answers = {}
        # Two sets a query: the one without values for one in eight.
        chosen = rng.sample([1, 2, 3], 2) if rng.randrange(8) else [2, 4]
        for number in sorted(chosen):
            try:
                lines, ordered = answer(worlds[number], query)
            except Exception as error:  # what it does not know, it need not know
                refused[query] = f"{type(error).__name__}: {(str(error).splitlines() or [''])[0]}"
                continue
            answers.setdefault(("ordered" if ordered else "any order", "\n".join(lines)), []).append(number)
        for (order, lines), numbers in answers.items():
            names = " ".join(map(str, numbers))
            blocks.append(f"=== events {names}, {order}\n{query}\n---\n{lines}\n")
    engine = f"duckdb-kql {version('duckdb-kql')} on duckdb {version('duckdb')}"
    head = f"""Queries of our own on events of our own (events-*.kql), and the rows that {engine} gave for them.
Made by tests/oracle/kql_engine.py, not by hand. A block: sets of events, whether the order of rows counts, the query, columns, rows.
"""
    (HERE / "queries.txt").write_text(head + "".join(blocks), encoding="utf-8")
    print(f"{len(blocks)} blocks of {len(queries)} queries; {len(refused)} refused", file=sys.stderr)
    if "-v" in sys.argv:
        for query, why in refused.items():
            print(f"{why[:150]}\n    {query}", file=sys.stderr)


if __name__ == "__main__":
    main()
