import orjson
from support.compiled import attributes
from support.observed import TRACE, answered, refused

from callrouter.call.services.record import CallRecord, Disposition, KeptRecord
from callrouter.observe.cdr import rows as cdr
from callrouter.observe.cdr.rows import COLUMNS, LISTS, encode, row_to_dict
from callrouter.route.values.plan import Verdict

UNWRITTEN = {"began", "promised", "rate_plans"}


def test_a_row_holds_every_field_of_the_record():
    record = answered()
    row = row_to_dict(encode(record))
    for name in attributes(type(record)):
        if name not in {*LISTS, *UNWRITTEN}:
            assert row[name] == getattr(record, name), name
    assert row["legs"] == [
        {
            name: getattr(record.legs[0], name)
            for name in attributes(type(record.legs[0]))
            if name not in {"caller_id", "extension"}
        }
    ]
    assert row["trace"] == [
        {name: getattr(verdict, name) for name in attributes(Verdict)} for verdict in TRACE
    ]


def test_columns_are_the_fields_of_the_record():
    charged = {"currency", "billed_seconds", "cost", "charges"}
    assert set(COLUMNS) == set(attributes(CallRecord)) - UNWRITTEN | charged


def test_disposition_is_a_plain_word_that_any_database_takes():
    assert type(encode(answered())[COLUMNS.index("disposition")]) is str


def test_refused_call_has_empty_legs_and_trace():
    row = row_to_dict(encode(refused()))
    assert row["legs"] == []
    assert row["trace"] == []
    assert row["disposition"] == Disposition.REJECTED


def test_bytes_that_are_not_utf8_are_stored_as_escapes():
    record = answered()
    record.caller = b"\xff\xfe100".decode("utf-8", "surrogateescape")
    record.legs[0].uri = "sip:\udcff@host"
    row = encode(record)
    assert row[COLUMNS.index("caller")] == "\\udcff\\udcfe100"
    assert row_to_dict(row)["legs"][0]["uri"] == "sip:\\udcff@host"


def test_nul_is_stored_as_an_escape_and_other_languages_as_they_are():
    record = answered()
    record.caller = "a\0b"
    record.reason = "号码不存在"
    row = encode(record)
    assert row[COLUMNS.index("caller")] == "a\\x00b"
    assert row[COLUMNS.index("reason")] == "号码不存在"


def test_a_cause_that_no_database_could_hold_becomes_unknown():
    record = answered()
    record.cause = record.legs[0].cause = 10**30
    row = row_to_dict(encode(record))
    assert row["cause"] == row["legs"][0]["cause"] == 0


def test_a_shared_trace_is_encoded_once_and_another_at_its_address_is_not_taken_for_it():
    place = COLUMNS.index("trace")
    assert encode(answered())[place] is encode(answered())[place]
    for count in range(3 * cdr._TRACES_KEPT):
        record = refused()
        record.trace = (Verdict(f"number {count}", False, "", "", "lab.yaml", count),)
        [verdict] = orjson.loads(str(encode(record)[place]))
        assert verdict["line"] == count


def test_what_a_call_left_in_the_archive_stands_in_its_row():
    record = answered()
    record.voicemail = (KeptRecord(id="c-1", of="sales", ms=2000, result="complete"),)
    record.recordings = (KeptRecord(id="", of="4000", ms=0, result="full"),)
    row = row_to_dict(encode(record))
    assert row["voicemail"] == [{"id": "c-1", "of": "sales", "ms": 2000, "result": "complete"}]
    assert row["recordings"] == [{"id": "", "of": "4000", "ms": 0, "result": "full"}]
