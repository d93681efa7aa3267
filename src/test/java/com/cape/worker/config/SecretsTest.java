package com.cape.worker.config;

import static org.junit.jupiter.api.Assertions.assertEquals;

import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class SecretsTest {
  @ParameterizedTest
  @CsvSource({
    "db/x?password=s3cret,                db/x?password=****",
    "db/x?user=a&password=s3cret&ssl=on,  db/x?user=a&password=****&ssl=on",
    "no URL;PassWord=s3cret and more,     no URL;PassWord=**** and more",
    "'{''url'': ''x?sslpassword=s3cret''}', '{''url'': ''x?sslpassword=****''}'",
    "postgresql://cape:s3:c@ret@db/x,     postgresql://cape:****@db/x",
    "a postgres://u:s3cret@h/d and b://u:s3cret@h, a postgres://u:****@h/d and b://u:****@h",
    "https://example.com:8080/a@b,        https://example.com:8080/a@b",
    "nothing to hide: not a word,         nothing to hide: not a word",
  })
  void passwordsAndNothingElseAreMasked(String text, String masked) {
    assertEquals(masked, Secrets.mask(text));
  }
}
