package user

import (
	"strings"
	"testing"

	"fullsync/internal/auth"
	"fullsync/internal/fault"
)

func TestNames(t *testing.T) {
	t.Parallel()
	for name, good := range map[string]bool{
		"a": true, "Alice.B_c-d@shop.example": true, strings.Repeat("a", 64): true, "007": true,
		"": false, strings.Repeat("a", 65): false, "al ice": false, "älice": false, "a\n": false, "a\x00": false, "a/b": false, "a:b": false,
	} {
		if err := CheckName(name); (err == nil) != good || err != nil && fault.KindOf(err) != fault.Invalid {
			t.Errorf("%q: %v", name, err)
		}
	}
	if Key("Alice") != Key("aLICE") {
		t.Error("names that differ only in case are different users")
	}
}

func TestPasswords(t *testing.T) {
	t.Parallel()
	for password, problem := range map[string]string{
		"12345678":                "",
		"correct horse battery":   "",
		"pässwörd":                "",
		"        ":                "",
		strings.Repeat("ü", 200):  "",
		"":                        "must have at least 8 characters",
		"1234567":                 "must have at least 8 characters",
		"üüüüüüü":                 "must have at least 8 characters",
		strings.Repeat("p", 201):  "must have at most 200 characters",
		"12345678\x00":            "must be text without control characters",
		"1234\t5678":              "must be text without control characters",
		"12345678\xff":            "must be text without control characters",
		"Alice.Bennett":           "must not be the name",
		"alice.bennett and a dog": "",
	} {
		err := CheckPassword("alice.bennett", password)
		if (err == nil) != (problem == "") || err != nil && (fault.KindOf(err) != fault.Invalid || fault.Sentence(err, "") != "The password "+problem+".") {
			t.Errorf("%.20q: %v, want %q", password, err, problem)
		}
	}
}

func TestRolesForPeople(t *testing.T) {
	t.Parallel()
	for _, role := range auth.Roles() {
		got, err := ParseRole(string(role))
		if wants := role != auth.RoleNode && role != auth.RoleNodePush; (err == nil) != wants || wants && got != role {
			t.Errorf("%s: %v, %v", role, got, err)
		}
	}
	if _, err := ParseRole(""); fault.KindOf(err) != fault.Invalid {
		t.Errorf("no role: %v", err)
	}
}

func TestRandomPasswordsObeyTheRules(t *testing.T) {
	t.Parallel()
	seen := map[string]bool{}
	for range 100 {
		password := randomPassword()
		if err := CheckPassword(FirstName, password); err != nil || len(password) != 23 || seen[password] {
			t.Fatalf("%q (seen: %v): %v", password, seen[password], err)
		}
		seen[password] = true
	}
}
