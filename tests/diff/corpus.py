"""Values and lines by hand, with a verdict each: RFC 8259, rule by rule, and ours on top of it."""

GOOD_VALUES = [
    # Literals and numbers.
    b"null", b"true", b"false", b"0", b"-0", b"1", b"-1", b"10", b"123456789012345678901234567890",
    b"0.0", b"-0.0", b"0.10", b"1.25", b"1e5", b"1E5", b"1e+5", b"1e-5", b"1e005", b"0e0", b"0e+1",
    b"0E-0", b"-0e-0", b"1.5E+10", b"1e999999", b"-1e-999999", b"9223372036854775808",
    b"0." + b"0" * 500 + b"1", b"9" * 5000,
    # Strings.
    b'""', b'"a"', b'" "', b'"\x7f"', b'"/"', b'"\\/"', b'"\\""', b'"\\\\"', b'"\\b\\f\\n\\r\\t"',
    b'"\\\\u0041"', b'"\\u0041"', b'"\\u00e9"', b'"\\u00E9"', b'"\\uabCD"', b'"\\u0000"',
    b'"\\u001f"', b'"\\u007F"', b'"\\u2028"', b'"\\uffff"', b'"\\uFFFE"', b'"\\uFEFF"',
    b'"\\ufdd0"', b'"\\ud83d\\ude00"', b'"\\uD834\\uDd1e"', b'"\\ud800\\udc00\\udbff\\udfff"',
    b'"\\ud800"', b'"\\udfff"', b'"a\\ud800b"', b'"\\ud800\\ud800"', b'"\\udc00\\ud800"',
    b'"\\ud800\\ud800\\udc00"', b'"\\ud800\\n"', b'"\\ud800\\u0041"', b'"\\ud800\\\\udc00"',
    "\"é€😀\"".encode(), b'"\xc2\x80"', b'"\xdf\xbf"', b'"\xe0\xa0\x80"', b'"\xed\x9f\xbf"',
    b'"\xee\x80\x80"', b'"\xef\xbb\xbf"', b'"\xef\xbf\xbe"', b'"\xef\xbf\xbf"',
    b'"\xf0\x90\x80\x80"', b'"\xf4\x8f\xbf\xbf"', b'"\xe2\x80\xa8\xe2\x80\xa9"', b'"\xc2\xa0"',
    b'"// /* */ # \'"', b'"{[]}:,"', b'"NaN"', b'"' + b"a" * 3000 + b'"',
    b'"' + b"\\n" * 500 + b'"',
    # Arrays.
    b"[]", b"[ ]", b"[\t\r ]", b"[[]]", b"[null]", b"[1,2,3]", b"[ 1 , 2 ]",
    b'["a",1,null,true,{},[]]', b"[[],[[]],{}]", b"[1.5e3,-0,\"\"]", b"[" * 61 + b"]" * 61,
    b"[" + b"1," * 999 + b"1]",
    # Objects.
    b"{}", b"{ }", b'{"a":1}', b'{ "a" : 1 }', b'{"a":1,"b":2}', b'{"a":1,"a":1}',
    b'{"a":1,"a":null}', b'{"":0}', b'{"":{"":{}}}', b'{"\\u0000":1}', b'{"\\ud800":1}',
    b'{"a":[{"b":[]}],"c":{"d":null}}', b'{"\xc3\xa9":1}', b'{"userId":7}',
    b'{"userId":"x","userId":"y"}', b'{"sessionDuration":-1.5}', b'{"a":' * 61 + b"1" + b"}" * 61,
    b'[{"userId":null},{"sessionDuration":"x"}]',
]

BAD_VALUES = [
    # Nothing, words, other languages.
    b"", b" ", b"nul", b"nulll", b"Null", b"NULL", b"tru", b"True", b"TRUE", b"falsee", b"fals",
    b"nan", b"NaN", b"-NaN", b"Infinity", b"-Infinity", b"inf", b"undefined", b"None", b"a", b"abc",
    b"*", b"@", b"<a>", b"`a`", b"(1)", b"1;", b"/**/1", b"1/**/", b"//1", b"#1", b"1#", b"\\u0031",
    b"\\n", b"\xef\xbb\xbf1", b"\xc2\xa01", b"\xe2\x80\xa81", b"\x00", b"\x001", b"1\x00", b"\x0b1",
    b"\x0c1", b"\x1f1", b"\x7f1", b"\xff", b"\xc3\xa9", b"1 2", b"1,", b",1", b":1", b"1:", b"=1",
    # Numbers.
    b"+1", b"++1", b"- 1", b"--1", b"-", b"+", b"-a", b"01", b"00", b"-01", b"-00", b"012", b"0x1",
    b"0X1F", b"0b1", b"0o7", b".5", b"-.5", b"5.", b"-5.", b"0.", b"0.e1", b"1.e1", b".", b"-.",
    b"1e", b"1E", b"1e+", b"1e-", b"1e1.5", b"1e+-1", b"1ee1", b"1.5.5", b"1..5", b"1e1e1", b"e1",
    b".e1", b"1_000", b"1,000.0", b"1'000", b"1 000", b"1a", b"1f", b"1L", b"1n", b"0e", b"-0e+",
    b"\xd9\xa1", b"\xef\xbc\x91", b"1\xd9\xa1", b"1.\xd9\xa1", b"-\xe2\x88\x9e", b"\xe2\x88\x921",
    # Strings.
    b'"', b'"a', b'a"', b"'a'", b'"a\'', b'"\\', b'"\\"', b'"\\\\\\"', b'"a"b"', b'""""',
    b'"a" "b"', b'"a"+"b"', b'"\\a"', b'"\\A"', b'"\\e"', b'"\\v"', b'"\\0"', b'"\\1"', b'"\\x41"',
    b'"\\\'"', b'"\\`"', b'"\\ "', b'"\\\x00"', b'"\\\t"', b'"\\\xc3\xa9"', b'"\\U0041"', b'"\\u"',
    b'"\\u0"', b'"\\u00"', b'"\\u004"', b'"\\u004g"', b'"\\u00 1"', b'"\\u-041"', b'"\\u+041"',
    b'"\\u{41}"', b'"\\u 0041"', b'"\\uu0041"', b'"\\ud800\\u"', b'"\\ud800\\u1"',
    b'"\\ud800\\ud80"', b'"\\ud800\\x"', b'"\\ud800\\"', b'"\x00"', b'"a\x00b"', b'"\x01"',
    b'"\x08"', b'"\t"', b'"a\tb"', b'"\x0b"', b'"\x0c"', b'"a\rb"', b'"\x1b[0m"', b'"\x1f"',
    # UTF-8 that is none: stray, cut, overlong, surrogates, beyond Unicode, other encodings.
    b'"\x80"', b'"\xbf"', b'"a\x80b"', b'"\xc0"', b'"\xc0\x80"', b'"\xc0\xaf"', b'"\xc1\xbf"',
    b'"\xc2"', b'"\xc2a"', b'"\xc3\xc3"', b'"\xe0\x80\x80"', b'"\xe0\x9f\xbf"', b'"\xe2\x82"',
    b'"\xe2\x82a"', b'"\xe2\x28\xa1"', b'"\xed\xa0\x80"', b'"\xed\xbf\xbf"',
    b'"\xed\xa0\xbd\xed\xb8\x80"', b'"\xf0\x80\x80\x80"', b'"\xf0\x8f\xbf\xbf"', b'"\xf0\x9f\x98"',
    b'"\xf0\x9f"', b'"\xf4\x90\x80\x80"', b'"\xf5\x80\x80\x80"', b'"\xf8\x88\x80\x80\x80"',
    b'"\xfc\x84\x80\x80\x80\x80"', b'"\xfe"', b'"\xff"', b'"\xff\xfe"', b'"\xe9"', b'"caf\xe9"',
    b'"\xc3\xa9\xff"', b'"' + b"a" * 31 + b'\xff"', b'"' + b"a" * 32 + b'\x01"', b'"\x00a\x00"',
    # Arrays.
    b"[", b"]", b"[1", b"[1,", b"[1,]", b"[,1]", b"[,]", b"[,,]", b"[1,,2]", b"[1 2]", b"[1;2]",
    b"[1:2]", b"[1]]", b"[[1]", b"[1}", b"[}", b"[]]", b"[[]", b"[1,\x0b2]", b"[1\x0c]",
    b"[\xc2\xa0]", b"[a]", b"[1,a]", b"[-]", b"[01]", b"[1.]", b'["a":1]', b'["a]', b'["a",',
    b"[nul]", b"[NaN]", b"[\x00]", b"[\xff]", b"[/**/]", b"[...]", b"[1,2", b"[" * 64 + b"]" * 64,
    b"[" * 70, b"[" * 5000, b"[" * 5000 + b"]" * 5000,
    # Objects.
    b"{", b"}", b"{,}", b"{1}", b'{"a"}', b'{"a",1}', b'{"a":}', b'{"a":,}', b'{"a"::1}', b'{:1}',
    b'{"a" 1}', b'{"a"=1}', b'{"a":1', b'{"a":1,', b'{"a":1,}', b'{"a":1,,}', b'{,"a":1}',
    b'{"a":1 "b":2}', b'{"a":1;"b":2}', b'{"a":1,"b"}', b'{"a":1,"b":}', b'{"a":1,b:2}', b"{a:1}",
    b"{'a':1}", b"{1:1}", b"{null:1}", b"{[]:1}", b"{{}:1}", b'{"a":1}}', b'{"a":1]', b"{]",
    b'{"a":[1}', b'{"a":{"b":1}', b'{"a":"b}', b'{"a\x00":1}', b'{"\xff":1}', b'{"a\t":1}',
    b'{"\\x":1}', b'{"\\u00":1}', b'{"a":01}', b'{"a":nul}', b'{"a":1/**/}', b'{/**/"a":1}',
    b'{"a":1,...}', b'{"a"\x0b:1}', b'{"a":' * 64 + b"1" + b"}" * 64, b'{"a":' * 5000, b'{"a" "b"}',
    b'{"a":1 2}', b'{"a":"b" "c"}', b'{"a":"b"c}', b'{"a":+1}', b"{}}", b"{{}}",
]

# Where a value is put; what is around it is good.
FRAMES = [
    (b'{"x":', b',"userId":"u","sessionDuration":1}'),
    (b'{"userId":"u","x":', b',"sessionDuration":1}'),
    (b'{"userId":"u","sessionDuration":1,"x":', b"}"),
    (b'{"userId":"u","sessionDuration":1,"x": \t', b" \r }"),
    (b'{"userId":"u","x":[0,', b'],"sessionDuration":1}'),
    (b'{"x":{"y":', b'},"sessionDuration":1,"userId":"u"}'),
]

GOOD_LINES = [
    b'{"userId":"u","sessionDuration":1}', b'{"sessionDuration":1,"userId":"u"}',
    b' \t\r{\t"userId"\r: "u" ,"sessionDuration" : 1 }\t ', b'{"userId":"u","sessionDuration":0}',
    b'{"userId":"u","sessionDuration":-0}', b'{"userId":"m","sessionDuration":9223372036854775807}',
    b'{"userId":"u","sessionDuration":1}\r', b'{"userId":"u","sessionDuration":1}\r\r',
    b'{"user\\u0049d":"u","sessionDuration":1}', b'{"userId":"u","session\\u0044uration":1}',
    b'{"userId":"\\u0075","sessionDuration":1}', b'{"userId":" ","sessionDuration":1}',
    b'{"userId":"\x7f","sessionDuration":1}', b'{"userId":"\\u0001","sessionDuration":1}',
    b'{"userId":"\\n","sessionDuration":1}', b'{"userId":"\\uffff","sessionDuration":1}',
    b'{"userId":"\\ud83d\\ude00","sessionDuration":1}',
    '{"userId":"é€😀","sessionDuration":1}'.encode(),
    b'{"userId":"' + b"k" * 1024 + b'","sessionDuration":1}',
    b'{"userId":"' + b"\\u006b" * 1024 + b'","sessionDuration":1}',
    b'{"userId":"' + b"\xc3\xa9" * 512 + b'","sessionDuration":1}',
    b'{"userId":"u","userid":1,"UserId":2,"userId ":3,"sessionDuration":1}',
    b'{"userId\\u0000":0,"userId":"u","sessionDuration":1}',
    b'{"userId":"a,b","sessionDuration":1}', b'{"userId":"\\"","sessionDuration":1}',
    b'{"userId":"\\r\\n","sessionDuration":1}',
    b'{"userId":"u","sessionDuration":1' + b" " * (2**20 - 34) + b"}", b"", b" ", b"\t", b"\r",
    b" \t\r ", b" " * 2**20,
]

BAD_LINES = [
    b"x", b"null", b"1", b'"userId"', b"[]", b'[{"userId":"u","sessionDuration":1}]', b"{}", b"{ }",
    b'{"userId":"u"}', b'{"sessionDuration":1}', b'\xef\xbb\xbf{"userId":"u","sessionDuration":1}',
    b' \xef\xbb\xbf{"userId":"u","sessionDuration":1}',
    b'{"userId":"u","sessionDuration":1}\xef\xbb\xbf', b'\x00{"userId":"u","sessionDuration":1}',
    b'{"userId":"u","sessionDuration":1}\x00', b"\x00", b"\x00" * 512, b"\x00" * (2**20 + 9),
    b'{"userId":"u","sess' + b"\x00" * 4096, b"\x00" * 4096 + b'{"userId":"u","sessionDuration":1}', b"\x0b", b"\x0c", b"\xc2\xa0", b"\x1a",
    b'\xff\xfe{\x00"\x00', b'{"userId":"u","sessionDuration":1}}',
    b'{"userId":"u","sessionDuration":1},', b'{"userId":"u","sessionDuration":1};',
    b'{"userId":"u","sessionDuration":1} x',
    b'{"userId":"u","sessionDuration":1}{"userId":"u","sessionDuration":1}',
    b'\x1e{"userId":"u","sessionDuration":1}', b'{"userId":"u","sessionDuration":1}//',
    b',{"userId":"u","sessionDuration":1}', b'({"userId":"u","sessionDuration":1})',
    b'{"userId":"","sessionDuration":1}', b'{"userId":7,"sessionDuration":1}',
    b'{"userId":null,"sessionDuration":1}', b'{"userId":["u"],"sessionDuration":1}',
    b'{"userId":{"userId":"u"},"sessionDuration":1}', b'{"userId":true,"sessionDuration":1}',
    b'{"userId":"\\u0000","sessionDuration":1}', b'{"userId":"a\\u0000","sessionDuration":1}',
    b'{"userId":"\\ud800","sessionDuration":1}', b'{"userId":"a\\udc00","sessionDuration":1}',
    b'{"userId":"\\ude00\\ud83d","sessionDuration":1}',
    b'{"userId":"u","userId":"u","sessionDuration":1}',
    b'{"userId":"u","user\\u0049d":"u","sessionDuration":1}',
    b'{"userId":"u","userId":null,"sessionDuration":1}',
    b'{"userId":"u","sessionDuration":1,"sessionDuration":1}',
    b'{"userId":"u","sessionDuration":1,"session\\u0044uration":2}',
    b'{"userId":"u","sessionDuration":"1"}', b'{"userId":"u","sessionDuration":null}',
    b'{"userId":"u","sessionDuration":true}', b'{"userId":"u","sessionDuration":[1]}',
    b'{"userId":"u","sessionDuration":{}}', b'{"userId":"u","sessionDuration":1.0}',
    b'{"userId":"u","sessionDuration":1e2}', b'{"userId":"u","sessionDuration":-0.0}',
    b'{"userId":"u","sessionDuration":0e0}', b'{"userId":"u","sessionDuration":-1}',
    b'{"userId":"u","sessionDuration":-9223372036854775808}',
    b'{"userId":"u","sessionDuration":9223372036854775808}',
    b'{"userId":"u","sessionDuration":18446744073709551617}',
    b'{"userId":"u","sessionDuration":' + b"9" * 100 + b"}", b'{"userId":"u","sessionDuration":01}',
    b'{"userId":"u","sessionDuration":1,}',
    b'{"userId":"' + b"k" * 1025 + b'","sessionDuration":1}',
    b'{"userId":"' + b"\\n" * 1025 + b'","sessionDuration":1}',
    b'{"userId":"' + b"\xc3\xa9" * 513 + b'","sessionDuration":1}',
    b'{"x":{"userId":"u","sessionDuration":1}}', b'{"x":[{"userId":"u"}],"sessionDuration":1}',
    b'{"userId":"u","sessionDuration":1' + b" " * (2**20 - 33) + b"}", b" " * (2**20 + 1),
    b"x" * (2**20 + 7),
]


def cases():
    """(name, line, whether it is good or blank) of them all."""
    for at, value in enumerate(GOOD_VALUES + BAD_VALUES):
        good = at < len(GOOD_VALUES)
        for frame, (before, after) in enumerate(FRAMES):
            yield f"value {value[:40]!r} in frame {frame}", before + value + after, good
        # Whatever it is, by itself it is not an event.
        if value.strip(b" \t\r"):
            yield f"value {value[:40]!r} alone", value, False
    for line in GOOD_LINES:
        yield f"line {line[:60]!r}", line, True
    for line in BAD_LINES:
        yield f"line {line[:60]!r}", line, False
