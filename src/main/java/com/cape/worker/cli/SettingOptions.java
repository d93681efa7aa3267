package com.cape.worker.cli;

import com.cape.worker.config.Setting;
import java.util.EnumMap;
import java.util.Map;
import java.util.Optional;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Model.OptionSpec;
import picocli.CommandLine.ParseResult;

/** The daemon's options, made from {@link Setting} so that neither can lack one. */
public final class SettingOptions {
  private SettingOptions() {}

  /** Adds an option for each setting that has one. */
  public static void addTo(CommandSpec command) {
    for (Setting setting : Setting.values()) {
      setting.option().ifPresent(name -> command.addOption(option(setting, name)));
    }
  }

  private static OptionSpec option(Setting setting, String name) {
    OptionSpec.Builder option = OptionSpec.builder(name).description(description(setting));
    return isFlag(setting)
        ? option.type(boolean.class).arity("0").build()
        : option.type(String.class).paramLabel(setting.parameter()).build();
  }

  private static String description(Setting setting) {
    String fallback =
        setting
            .defaultValue()
            .filter(value -> !isFlag(setting))
            .map(" Default: %s."::formatted)
            .orElse("");
    // Picocli formats descriptions, where a % has a meaning.
    return "%s.%s [%s]"
        .formatted(setting.description(), fallback, setting.variable())
        .replace("%", "%%");
  }

  private static boolean isFlag(Setting setting) {
    return setting.parameter().isEmpty();
  }

  /** The values of the options that were given. */
  public static Map<Setting, String> given(ParseResult parsed) {
    Map<Setting, String> values = new EnumMap<>(Setting.class);
    for (Setting setting : Setting.values()) {
      Optional<String> name = setting.option().filter(parsed::hasMatchedOption);
      if (name.isPresent() && isFlag(setting)) {
        values.put(setting, Boolean.toString(!name.get().startsWith("--no-")));
      } else if (name.isPresent()) {
        values.put(setting, parsed.matchedOptionValue(name.get(), ""));
      }
    }
    return values;
  }
}
