# case.awk - a walk or linear case of tests/cases as files in directory `out`: geometry, base, ram (octal escapes for
# printf %b), vas (a line each) and expect (for each va, what walk/VA must print).
function hex(s,   i, v) {
	v = 0
	s = tolower(s)
	sub(/^0x/, "", s)
	for (i = 1; i <= length(s); i++)
		v = v * 16 + index("0123456789abcdef", substr(s, i, 1)) - 1
	return v
}
function short(s) { s = tolower(s); sub(/^0x0*/, "", s); return "0x" (s == "" ? "0" : s) }
function log2(v,   n) { for (n = 0; v > 1; n++) v = v / 2; return n }
function power(n,   v) { for (v = 1; n > 0; n--) v = v * 2; return v }
function byte(v) { printf "\\0%03o", v > (out "/ram") }
function want(line) { print line > (out "/expect") }
# The low `bytes` bytes of an entry, in its order.
function put_entry(s, bytes,   i, at) {
	s = substr("0000000000000000" substr(s, 3), length(s) - 1 + 16 - 2 * bytes)
	for (i = 0; i < bytes; i++) {
		at = big ? i : bytes - 1 - i
		byte(hex(substr(s, 2 * at + 1, 2)))
	}
}
{ key = $1; sub(/:$/, "", key) }
key == "index_bits" { split_text = $2; for (i = 3; i <= NF; i++) split_text = split_text "," $i }
key == "pte_order" { big = $2 == "big" }
key == "mem" { for (i = 3; i <= NF; i++) mem = mem $i " "; next }
key == "pte" { entry[$2 + 0] = $3; entries++; next }
key == "access" { va[++n] = $2; outcome[n] = $3; target[n] = $4; last[n] = kind == "linear" ? $6 : $5; next }
key == "step" { steps[n] = steps[n] sprintf("level=%d index=%s pte_addr=%s pte=%s valid=%d ppn=%s flags=-\n", \
	$2, short($3), short($4), short($5), $6, short($7)); next }
{ value[key] = $2; if (key == "kind") kind = $2 }
END {
	shift = value["pte_pfn_shift"]
	width = log2(hex(value["pte_pfn_mask"]) / power(shift) + 1)
	valid = log2(hex(value["pte_valid_mask"]))
	page = power(value["page_bits"])
	if (kind == "linear") {
		# The table stands behind the memory of the case, on a page of its own.
		pa = log2(value["pa_bytes"]) + 1
		base = value["pa_bytes"] + 0
		while (power(pa) < base + entries * value["pte_bytes"])
			pa++
		width = pa - value["page_bits"]
	} else {
		pa = value["pa_bits"]
		base = hex(value["base_addr"])
	}
	printf "va=%d pa=%d page=%d pte=%d split=%s ppn=%d+%d valid=%d endian=%s\n", value["va_bits"], pa, page, \
		value["pte_bytes"], split_text, shift, width, valid, big ? "big" : "little" > (out "/geometry")
	printf "0x%x\n", base > (out "/base")
	if (kind == "linear") {
		print base > (out "/offset")
		for (i = 0; i < entries; i++)
			put_entry(entry[i], value["pte_bytes"])
	} else {
		print 0 > (out "/offset")
		bytes = split(mem, list, " ")
		for (i = 1; i <= bytes; i++)
			byte(hex(list[i]))
	}
	for (i = 1; i <= n; i++) {
		print va[i] > (out "/vas")
		want("va=" short(va[i]) " ptbr=" sprintf("0x%x", base))
		if (kind == "linear") {
			e = entry[last[i] + 0]
			want(sprintf("level=1 index=0x%x pte_addr=0x%x pte=%s valid=%d ppn=0x%x flags=-", last[i], \
				base + last[i] * value["pte_bytes"], short(e), substr(e, 3, 1) ~ /[89a-f]/, hex(substr(e, 4)) + \
				(substr(e, 3, 1) ~ /[89]/ ? 0 : (hex(substr(e, 3, 1)) % 8) * power(28))))
		} else {
			printf "%s", steps[i] > (out "/expect")
		}
		if (outcome[i] == "fault")
			want("fault=not-present level=" target[i])
		else if (kind == "linear")
			want("pa=" short(target[i]) " byte=0x00")
		else
			want("pa=" short(target[i]) " byte=" last[i])
	}
}
