import { expect, it } from "vitest";
import { errorLine, escapeControls } from "./errors.js";

it("shows control characters, line ends and direction marks as escapes", () => {
  expect(escapeControls("a\u001b[31mb\r\n\u202ec\u009b\u2028")).toBe("a\\x1b[31mb\\x0d\\x0a\\u202ec\\x9b\\u2028");
  expect(escapeControls("übung <script> 猫")).toBe("übung <script> 猫");
});

it("makes one line of any error", () => {
  expect(errorLine(new Error("first\n  second\u0007"))).toBe("first second\\x07");
  expect(errorLine("plain")).toBe("plain");
});
